//! `exit` begins with its own first instruction instead of the C library's. What the linker is given of the C library all
//! the same, nothing reaches from there, and it is left out.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64") {
        for argument in ["--entry=only_exit", "--no-pie"] {
            println!("cargo:rustc-link-arg-bin=exit={argument}");
        }
    }
}
