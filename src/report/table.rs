//! Aligned tables in the style of util-linux: two spaces between columns, no trailing spaces, and no line wider than the
//! terminal.

/// A column that is shortened is never made narrower than this.
const NARROWEST: usize = 4;

/// Lays out rows as text. A column that is `fixed` is never shortened. `width` is the width of the terminal in characters;
/// without one no column is shortened.
pub fn lay_out(rows: &[Vec<String>], fixed: &[bool], width: Option<usize>) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &[String], column: usize| row.get(column).map_or(0, |cell| cell.chars().count());
    let mut widths: Vec<usize> =
        (0..columns).map(|column| rows.iter().map(|row| cell(row, column)).max().unwrap_or(0)).collect();
    if let Some(width) = width {
        shorten(&mut widths, fixed, width);
    }
    let mut text = String::new();
    for row in rows {
        let line: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{:<width$}", cut(cell, width))).collect();
        text.push_str(line.join("  ").trim_end());
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

/// A cell that is too wide, shortened and marked with three dots.
fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    cell.chars().take(width.saturating_sub(3)).chain("...".chars()).take(width).collect()
}
