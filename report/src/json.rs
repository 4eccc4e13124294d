//! The report as JSON, and the schema of that JSON.

use chimera_core::report::Report;

use crate::text::is_hostile;

/// The report as pretty JSON in stable order. Characters that could command a terminal are written as `\uXXXX`.
///
/// # Errors
/// When the report cannot be written as JSON; a report made by this program always can.
pub fn render_json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = escaped(&serde_json::to_string_pretty(report)?);
    text.push('\n');
    Ok(text)
}

/// JSON Schema of [`render_json`]'s output, pretty, in stable order.
///
/// # Errors
/// When the schema cannot be written as JSON; the derived one always can.
pub fn json_schema() -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Report))?;
    text.push('\n');
    Ok(text)
}

/// Hostile characters occur in JSON only inside strings, where an escape means the same. Line feeds are the layout.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hostile(c) && c != '\n' {
            let mut units = [0_u16; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}
