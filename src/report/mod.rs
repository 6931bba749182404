//! The output of the commands: bytes.

pub mod action;
pub mod export;
pub mod json;
pub mod output;
pub mod table;
pub mod view;
