//! The output of a listing, in each of its layouts.

use crate::cli::{Column, Layout, Width};
use crate::report::json::Object;
use crate::report::output::{Output, terminal_width};
use crate::report::table::{Shorten, Table};
use crate::report::view::View;
use crate::verdict::Verdict;

/// The columns that a layout shows.
pub(super) fn columns(layout: &Layout) -> &[Column] {
    match layout {
        Layout::Table { columns, .. } | Layout::Json { columns } => columns,
        Layout::Plain | Layout::Names => &[],
    }
}

/// A listing that is printed as it is made, but for a table, whose columns are as wide as the widest row.
pub(super) struct Listing<'l> {
    out: &'l mut Output,
    layout: &'l Layout,
    count: usize,
    table: Table,
    /// The memory of the last JSON object.
    object: String,
    /// The width of the terminal, where a table goes to one and is to fit it.
    terminal: Option<usize>,
}

impl<'l> Listing<'l> {
    /// Begins a listing in a layout.
    pub(super) fn begin(out: &'l mut Output, layout: &'l Layout) -> Listing<'l> {
        let columns = columns(layout);
        let width = if let Layout::Table { width, .. } = layout { *width } else { Width::Wide };
        let table = Table::new(columns.len(), width);
        let terminal = if width == Width::Fit { terminal_width() } else { None };
        let mut listing = Listing { out, layout, count: 0, table, object: String::new(), terminal };
        match layout {
            Layout::Json { .. } => listing.out.begin_json("controllers"),
            Layout::Table { headings: true, .. } => listing.row(columns.iter().map(|column| column.heading())),
            Layout::Table { .. } | Layout::Plain | Layout::Names => {}
        }
        listing
    }

    fn row(&mut self, cells: impl Iterator<Item = String>) {
        if let Some(line) = self.table.add(cells) {
            self.out.line(line);
        }
    }

    /// Adds a controller or an entry.
    pub(super) fn add(&mut self, view: &View) {
        match self.layout {
            Layout::Names => self.out.line(view.device),
            Layout::Plain => {
                self.out.push(view.device.name().as_bytes());
                self.out.push(if view.entry.is_some_and(Verdict::is_stale) { b" (stale)\n" } else { b"\n" });
                for (name, value) in &view.attributes {
                    // As `{:<12}` does.
                    self.out.push(b"  ");
                    self.out.push(name.as_str().as_bytes());
                    self.out.push(b"             ".get(name.as_str().len().min(12)..).unwrap_or_default());
                    self.out.value_line(value);
                }
            }
            Layout::Json { columns } => {
                let object = view.json(Object::within(std::mem::take(&mut self.object)), columns).end();
                self.out.object(&object);
                self.object = object;
            }
            Layout::Table { columns, .. } => {
                let compact = self.terminal.is_some();
                self.row(columns.iter().map(|&column| view.cell(column, compact)));
            }
        }
        self.count += 1;
    }

    /// Prints what was held, and returns how many were listed.
    pub(super) fn end(self) -> usize {
        let shown = columns(self.layout);
        // A person is not shown a column that says nothing. The output for a program always has the same columns.
        let is_default = self.terminal.is_some() && shown == Column::DEFAULT;
        let when = |column: &Column| match column {
            // `-v` explains more than this column.
            Column::Reason if is_default => Shorten::LeaveOut,
            Column::Device | Column::Owner => Shorten::Never,
            // These have few and short values.
            Column::Ownership | Column::Transport | Column::State | Column::Entry | Column::Cntlid => Shorten::Second,
            _ => Shorten::First,
        };
        let when: Vec<Shorten> = shown.iter().map(when).collect();
        self.table.print(&when, self.terminal, is_default, |line| self.out.line(line));
        self.count
    }
}
