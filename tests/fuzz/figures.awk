# The figures of a run of libFuzzer, as one line that a document can quote; a log without them is a failure.
function after(word,    i) {
    for (i = 1; i < NF; i++) if ($i == word) return $(i + 1)
}
/^INFO: Loaded 1 modules/ { match($0, /\([0-9]+ /); edges = substr($0, RSTART + 1, RLENGTH - 2) }
$2 == "DONE" { covered = after("cov:"); features = after("ft:"); split(after("corp:"), corpus, "/") }
/number_of_executed_units/ { executions = $2 }
END {
    if (executions == "" || covered == "") { print "fuzz: " target ": no figures in the log"; exit 1 }
    printf "fuzz: %-10s %5d s %10d executions, 0 failures, %d of %d edges, %d features, %d inputs kept\n", \
        target, seconds, executions, covered, edges, features, corpus[1]
}
