//! Words: what the commands print, and what the log tells.

pub mod export;
pub mod fabric;
pub mod json;
pub mod output;
pub mod story;
pub mod table;
pub mod view;
