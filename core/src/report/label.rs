//! What tells one cell from the others: settings that differ go into its label, the others are said once.

use crate::axis::CellSpec;

/// Labels of the cells of a plan.
#[derive(Debug, Default)]
pub(super) struct Labels {
    /// Settings that all cells share, as `name=value`.
    pub(super) common: Vec<String>,
    /// One per cell.
    pub(super) cells: Vec<String>,
}

impl Labels {
    pub(super) fn of(cells: &[CellSpec]) -> Self {
        let mut labels = Self { common: Vec::new(), cells: vec![String::new(); cells.len()] };
        labels.spread("model", &cells.iter().map(|cell| cell.model.to_string()).collect::<Vec<_>>());
        for name in option_names(cells) {
            let value = |cell: &CellSpec| {
                cell.options.get(name).map_or_else(|| "default".to_owned(), ToString::to_string)
            };
            labels.spread(name, &cells.iter().map(value).collect::<Vec<_>>());
        }
        // A plan with one cell, or with equal cells, has nothing that differs.
        for (label, cell) in labels.cells.iter_mut().zip(cells).filter(|(label, _)| label.is_empty()) {
            *label = cell.model.to_string();
        }
        labels
    }

    /// Puts one setting where it belongs.
    fn spread(&mut self, name: &str, values: &[String]) {
        let Some(first) = values.first() else { return };
        if values.iter().all(|value| value == first) {
            self.common.push(format!("{name}={first}"));
            return;
        }
        for (label, value) in self.cells.iter_mut().zip(values) {
            let gap = if label.is_empty() { "" } else { " " };
            let shown = if name == "model" { value.clone() } else { format!("{name}={value}") };
            label.push_str(gap);
            label.push_str(&shown);
        }
    }
}

fn option_names(cells: &[CellSpec]) -> Vec<&'static str> {
    let mut names: Vec<_> = cells.iter().flat_map(|cell| cell.options.iter().map(|(name, _)| name)).collect();
    names.sort_unstable();
    names.dedup();
    names
}
