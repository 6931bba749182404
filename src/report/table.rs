//! Aligned tables in the style of util-linux: two spaces between columns, no trailing spaces, and no line wider than the
//! terminal.

use std::fmt::Write as _;

/// A column that is shortened is never made narrower than this.
const NARROWEST: usize = 4;

/// Lays out rows as text. A column that is `fixed` is never shortened. `width` is the width of the terminal in characters;
/// without one no column is shortened.
pub fn lay_out(rows: &[Vec<String>], fixed: &[bool], width: Option<usize>) -> String {
    let mut widths = vec![0; fixed.len()];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    if let Some(width) = width {
        shorten(&mut widths, fixed, width);
    }
    let mut text = String::new();
    for row in rows {
        for (cell, &width) in row.iter().zip(&widths) {
            // Writing to a String cannot fail. A cell that is too wide is shortened and marked with three dots.
            let _ = if cell.chars().count() > width {
                write!(text, "{cell:.0$}...  ", width.saturating_sub(3))
            } else {
                write!(text, "{cell:<width$}  ")
            };
        }
        while text.ends_with(' ') {
            text.pop();
        }
        text.push('\n');
    }
    text
}

/// Narrows the widest column that may be shortened until the table fits or every such column is at its minimum.
fn shorten(widths: &mut [usize], fixed: &[bool], width: usize) {
    loop {
        let total = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        let widest = widths
            .iter_mut()
            .zip(fixed)
            .filter(|(width, fixed)| !**fixed && **width > NARROWEST)
            .map(|(width, _)| width)
            .max();
        match widest {
            Some(widest) if total > width => *widest -= 1,
            _ => return,
        }
    }
}
