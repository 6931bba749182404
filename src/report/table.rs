//! Tables in the style of util-linux: aligned, two blanks between columns, no trailing blanks, and no line wider than the
//! terminal; or raw, for scripts.

use std::fmt::Write as _;

use crate::cli::Width;

/// A column that is shortened is never made narrower than this: a letter of each end, and the three dots.
const NARROWEST: usize = 5;

/// Separates the cells of a row that is held. No cell has a control character.
const SEPARATOR: char = '\0';

/// The rows of a table, held until the widths of its columns are known. A row is one text, so that a listing of many
/// controllers needs little memory.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Box<str>>,
    widths: Vec<usize>,
    /// Whether a row after the first one, which has the headings, has a value in the column.
    says_something: Vec<bool>,
    width: Width,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: usize, width: Width) -> Table {
        Table { rows: Vec::new(), widths: vec![0; columns], says_something: vec![false; columns], width }
    }

    /// Adds a row. A raw one is returned as the line to be printed: no other row has a say in it.
    pub fn add(&mut self, cells: impl Iterator<Item = String>) -> Option<String> {
        let is_raw = self.width == Width::Raw;
        let mut row = String::new();
        for (index, cell) in cells.enumerate() {
            if index > 0 {
                row.push(if is_raw { ' ' } else { SEPARATOR });
            }
            if is_raw {
                push_raw(&mut row, &cell);
                continue;
            }
            row.push_str(&cell);
            if let (Some(width), Some(says)) = (self.widths.get_mut(index), self.says_something.get_mut(index)) {
                *width = cell.chars().count().max(*width);
                *says |= cell != "-" && !self.rows.is_empty();
            }
        }
        if is_raw {
            return Some(row);
        }
        self.rows.push(row.into());
        None
    }

    /// Prints the rows, each as a line. `terminal` is the width of the terminal in characters; without one no column is
    /// shortened. `hides_empty`: a column in which no row has a value is
    /// left out.
    pub fn print(mut self, when: &[Shorten], terminal: Option<usize>, hides_empty: bool, mut print: impl FnMut(&str)) {
        if hides_empty && self.rows.len() > 1 {
            for (width, _) in self.widths.iter_mut().zip(&self.says_something).filter(|(_, says)| !**says) {
                *width = 0;
            }
        }
        if let Some(terminal) = terminal {
            shorten(&mut self.widths, when, terminal);
        }
        let mut line = String::new();
        for row in &self.rows {
            line.clear();
            for (cell, &width) in row.split(SEPARATOR).zip(&self.widths) {
                if width > 0 {
                    push_cell(&mut line, cell, width);
                }
            }
            line.truncate(line.trim_end_matches(' ').len());
            print(&line);
        }
    }
}

/// Appends a cell in its width. One that is too wide is shortened in the middle: names that differ only in their last
/// digit, such as the NQNs of one vendor, still look different.
fn push_cell(line: &mut String, cell: &str, width: usize) {
    let length = cell.chars().count();
    if length > width {
        let kept = width.saturating_sub(3);
        let end = kept / 2;
        line.extend(cell.chars().take(kept - end));
        line.push_str("...");
        line.extend(cell.chars().skip(length - end));
        line.push_str("  ");
    } else {
        // Writing to a String cannot fail.
        let _ = write!(line, "{cell:<width$}  ");
    }
}

/// Appends a cell of a raw table: a blank would begin the next column, so it is escaped, as util-linux does it.
fn push_raw(row: &mut String, cell: &str) {
    for character in cell.chars() {
        match character {
            ' ' => row.push_str("\\x20"),
            other => row.push(other),
        }
    }
}

/// Which columns are shortened where a table is too wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shorten {
    /// It is shortened first.
    First,
    /// It is shortened where that is not enough.
    Second,
    /// It is never shortened.
    Never,
    /// It is left out before any other column is shortened.
    LeaveOut,
}

/// Narrows the widest column that may be shortened until the table fits or every such column is at its minimum.
fn shorten(widths: &mut [usize], shorten: &[Shorten], terminal: usize) {
    let fits = |widths: &[usize]| {
        let shown = widths.iter().filter(|width| **width > 0).count();
        widths.iter().sum::<usize>() + 2 * shown.saturating_sub(1) <= terminal
    };
    if !fits(widths) {
        let left_out = widths.iter_mut().zip(shorten).filter(|(_, when)| **when == Shorten::LeaveOut);
        left_out.for_each(|(width, _)| *width = 0);
    }
    for turn in [Shorten::First, Shorten::Second] {
        while !fits(widths) {
            let may = widths.iter_mut().zip(shorten).filter(|(width, when)| **when == turn && **width > NARROWEST);
            match may.map(|(width, _)| width).max() {
                Some(widest) => *widest -= 1,
                None => break,
            }
        }
    }
}
