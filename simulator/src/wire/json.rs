//! JSON as the server's encoder writes it: `<`, `>` and `&` as escapes.

use serde::Serialize;

/// The text of a value. The three characters never occur outside strings, so replacing them is safe.
pub(crate) fn encode<T: Serialize>(value: &T) -> String {
    let plain = serde_json::to_string(value).unwrap_or_default();
    if plain.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) { escaped(&plain) } else { plain }
}

fn escaped(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len() + 16);
    for character in plain.chars() {
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn angle_brackets_are_escaped_as_recorded() {
        assert_eq!(super::encode(&"a<b>&c"), "\"a\\u003cb\\u003e\\u0026c\"");
    }
}
