//! CSV (RFC 4180) for spreadsheets: one shape for every list.

/// Before the first record: spreadsheets would take UTF-8 for something else without it.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// Adds one record: every field in quotes, CRLF at its end.
pub fn record<T: AsRef<str>>(out: &mut String, fields: &[T]) {
    for (number, field) in fields.iter().enumerate() {
        let field = field.as_ref();
        if number > 0 {
            out.push(',');
        }
        out.push('"');
        if is_formula(field) {
            out.push('\'');
        }
        out.push_str(&field.replace('"', "\"\""));
        out.push('"');
    }
    out.push_str("\r\n");
}

/// What a spreadsheet would take for a formula: ASCII signs, their full-width forms, and what hides one behind blanks.
fn is_formula(field: &str) -> bool {
    let starts = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    field.starts_with(starts) || field.trim_start().starts_with(starts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_spreadsheet_gets_texts_not_formulas() {
        let mut out = String::new();
        record(&mut out, &["=1+1", "say \"hi\"", " @SUM(A1)", "＝1", "a\r\nb", "5-3"]);
        assert_eq!(out, "\"'=1+1\",\"say \"\"hi\"\"\",\"' @SUM(A1)\",\"'＝1\",\"a\r\nb\",\"5-3\"\r\n");
    }

    /// Reads a record as RFC 4180 says.
    fn read(text: &str) -> Vec<String> {
        let (mut fields, mut field, mut quoted, mut chars) =
            (Vec::new(), String::new(), false, text.chars().peekable());
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(std::mem::take(&mut field)),
                '\r' if !quoted => break,
                c => field.push(c),
            }
        }
        fields.push(field);
        fields
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(fields in proptest::collection::vec("[a-z0-9\",\r\n =會]{0,12}", 1..6)) {
            let mut out = String::new();
            record(&mut out, &fields);
            let again = read(&out);
            prop_assert_eq!(again.len(), fields.len());
            for (again, field) in again.iter().zip(&fields) {
                prop_assert!(again == field || *again == format!("'{field}"), "{:?} {:?}", again, field);
                prop_assert!(!is_formula(again), "{:?}", again);
            }
        }
    }
}
