//! The floor of every measurement: a program that does nothing, built as the product is.

fn main() {}
