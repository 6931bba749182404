"""The arithmetic of bench.sh: its tables, from what hyperfine exported and count printed. bench.py DIRECTORY"""
import json
import math
import sys
from pathlib import Path
from statistics import median, linear_regression


def interval(values):
    """The bounds of the median with a probability of 95 %: order statistics, whatever the distribution."""
    values, n = sorted(values), len(values)
    reach = math.ceil(1.96 * math.sqrt(n) / 2)
    return values[max(0, n // 2 - reach)], values[min(n - 1, n // 2 + reach)]


def lines(path):
    return path.read_text().splitlines()


def rounds(root):
    """The times of each command in microseconds, one list for each round."""
    times = {}
    for path in root.glob("round.*.json"):
        for result in json.loads(path.read_text())["results"]:
            times.setdefault(int(result["command"]), []).append([second * 1e6 for second in result["times"]])
    return times


def report(root):
    names, against, goals, times = lines(root / "names"), lines(root / "against"), lines(root / "goals"), rounds(root)
    print("| command | median, µs | × | of | 95 % | goal |\n|---|---:|---:|---|---|---|")
    for i, name in enumerate(names):
        # Of one round: what shifts all of it, such as a busy host, is in both.
        other = names.index(against[i])
        ratios = [median(ours) / median(theirs) for ours, theirs in zip(times[i], times[other])]
        low, high = interval(ratios)
        goal = f"≤ {goals[i]}: {'met' if median(ratios) <= float(goals[i]) else 'not met'}" if goals[i] else ""
        all_times = [time for one in times[i] for time in one]
        print(f"| {name} | {median(all_times):.0f} | {median(ratios):.3f} | {against[i]} | {low:.3f} to {high:.3f} | {goal} |")
    print("\nA ratio is the median of the ratios within the rounds.\n")

    print("| command | programs | processes | system calls | page faults | resident, KiB |\n|---|---:|---:|---:|---:|---:|")
    for i, name in enumerate(names):
        counts = [[int(word) for word in line.split()] for line in lines(root / f"counts.{i}")]
        programs, processes, calls, _, _ = counts[0]
        faults, resident = median(count[3] for count in counts), max(count[4] for count in counts)
        print(f"| {name} | {programs} | {processes} | {calls} | {faults:.0f} | {resident} |")
    print("\nFrom exec to exit, the start of the C library included; page faults are the median, resident memory the highest of")
    print("32 runs (3 where 1024 are listed).\n")

    scale = {}
    for path in root.glob("scale.*.json"):
        for result in json.loads(path.read_text())["results"]:
            scale.setdefault(result["command"], {})[int(path.name.split(".")[1])] = result["median"] * 1e6
    peaks = {}
    for line in lines(root / "peaks"):
        count, rest = line.split(" ", 1)
        name, kib = rest.rsplit(" ", 1)
        peaks[name, int(count)] = int(kib)
    counts = sorted({count for one in scale.values() for count in one})
    print("| entries | " + " | ".join(f"{count}, µs" for count in counts) + " | exponent | peak, KiB |")
    print("|---|" + "---:|" * (len(counts) + 2))
    for name, one in scale.items():
        # From 64 on: below that the start of the program is what takes time.
        points = [(math.log(count), math.log(one[count])) for count in counts if count >= 64]
        slope = linear_regression(*zip(*points)).slope
        cells = " | ".join(f"{one[count]:.0f}" for count in counts)
        print(f"| {name} | {cells} | {slope:.2f} | {peaks[name, counts[-1]]} |")
    print(f"\nThe exponent is of the time from 64 entries on: 1 is linear. The peak is at {counts[-1]} entries.")


report(Path(sys.argv[1]))
