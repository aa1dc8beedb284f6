//! The C runtime's start-up code calls `main` and needs libc, which `rustc` leaves out for `no_std` programs.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-link-arg-bins=-lc");
    }
}
