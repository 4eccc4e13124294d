//! Markdown tables: what every benchmark prints.

/// Prints a title, a note and a table.
pub fn print(title: &str, note: &str, header: &[&str], rows: &[Vec<String>]) {
    println!("\n### {title}\n\n{note}\n");
    println!("| {} |", header.join(" | "));
    println!("|{}", "---|".repeat(header.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}
