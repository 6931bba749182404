//! A program that only exits: what fork, exec and wait cost, whatever the program. No C library, no runtime; its first
//! instruction (build.rs makes it so) is the way out. On other architectures than x86-64 it is left out, and an ordinary
//! empty program takes its place, so that the crate builds.
#![cfg_attr(target_arch = "x86_64", no_std, no_main)]

#[cfg(target_arch = "x86_64")]
mod start {
    /// exit_group(0).
    // SAFETY: no other symbol has this name.
    #[unsafe(no_mangle)]
    extern "C" fn only_exit() -> ! {
        // SAFETY: it does not return, so nothing it does to registers or stack is seen.
        unsafe { core::arch::asm!("syscall", in("eax") 231, in("edi") 0, options(noreturn, nostack)) }
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {}
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {}
