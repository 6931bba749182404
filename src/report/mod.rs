//! Words: what the commands print, and what the log tells.

pub mod export;
pub mod json;
pub mod output;
pub mod story;
