//! The cost of one CPUID instruction here, in nanoseconds: some tens on a processor of one's own, many times that where a
//! hypervisor traps it. The median of batches.

#[cfg(target_arch = "x86_64")]
fn main() {
    const BATCHES: usize = 201;
    const BATCH: u32 = 50;
    let mut nanoseconds: Vec<u128> = (0..BATCHES)
        .map(|_| {
            let start = std::time::Instant::now();
            for _ in 0..BATCH {
                // Leaf 4, the caches, is what a C library asks for most.
                #[allow(unused_unsafe, reason = "unsafe in older Rust")]
                // SAFETY: every x86-64 processor has CPUID.
                std::hint::black_box(unsafe { std::arch::x86_64::__cpuid_count(4, 0) });
            }
            start.elapsed().as_nanos() / u128::from(BATCH)
        })
        .collect();
    nanoseconds.sort_unstable();
    println!("{}", nanoseconds[BATCHES / 2]);
}

/// No such instruction.
#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("0");
}
