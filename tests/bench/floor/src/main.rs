//! The floor of every measurement: a program that does nothing, built as anyone builds one, with the product's profile and
//! none of its linker's options.

fn main() {}
