//! The output of the commands, and the text of the log lines.

pub mod export;
pub mod fabric;
pub mod json;
pub mod output;
pub mod story;
pub mod table;
pub mod view;
