//! Parser of the subset of structured fields (RFC 9651) in rate limit headers: a list of strings
//! with parameters.

/// A member of the list.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) name: String,
    parameters: Vec<(String, Value)>,
}

/// Value of a parameter.
#[derive(Debug, PartialEq)]
enum Value {
    Bytes(String),
    Integer(i64),
    Other,
    Text(String),
}

impl Item {
    /// Returns an integer parameter, which may be missing; `None` if it has another type, or is
    /// negative.
    #[expect(
        clippy::option_option,
        reason = "malformed, missing and present are three cases"
    )]
    pub(super) fn integer(&self, key: &str) -> Option<Option<u64>> {
        match self.parameter(key) {
            None => Some(None),
            Some(Value::Integer(value)) => u64::try_from(*value).ok().map(Some),
            Some(_) => None,
        }
    }

    #[expect(
        clippy::option_option,
        reason = "malformed, missing and present are three cases"
    )]
    pub(super) fn string(&self, key: &str) -> Option<Option<String>> {
        match self.parameter(key) {
            None => Some(None),
            Some(Value::Text(value)) => Some(Some(value.clone())),
            Some(_) => None,
        }
    }

    #[expect(
        clippy::option_option,
        reason = "malformed, missing and present are three cases"
    )]
    pub(super) fn bytes(&self, key: &str) -> Option<Option<String>> {
        match self.parameter(key) {
            None => Some(None),
            Some(Value::Bytes(value)) => Some(Some(value.clone())),
            Some(_) => None,
        }
    }

    /// Returns a parameter; of several with one name the last one, by RFC 9651.
    fn parameter(&self, key: &str) -> Option<&Value> {
        let found = self.parameters.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }
}

/// Parses a list, which must not be empty.
pub(super) fn list(text: &str) -> Option<Vec<Item>> {
    let mut rest = text.trim_matches(' ');
    let mut items = Vec::new();
    loop {
        let (item, after) = item(rest)?;
        items.push(item);
        let after = after.trim_start_matches([' ', '\t']);
        if after.is_empty() {
            return Some(items);
        }
        // A trailing comma leaves an empty item, which fails.
        rest = after.strip_prefix(',')?.trim_start_matches([' ', '\t']);
    }
}

fn item(text: &str) -> Option<(Item, &str)> {
    let (name, mut rest) = string(text)?;
    let mut parameters = Vec::new();
    while let Some(after) = rest.strip_prefix(';') {
        let after = after.trim_start_matches(' ');
        let end = after.find(|c| !is_key(c)).unwrap_or(after.len());
        let (key, after) = after.split_at(end);
        if !key.starts_with(|c: char| c.is_ascii_lowercase() || c == '*') {
            return None;
        }
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => value(after)?,
            // A parameter without a value is `true`.
            None => (Value::Other, after),
        };
        parameters.push((key.to_owned(), value));
        rest = after;
    }
    Some((Item { name, parameters }, rest))
}

fn value(text: &str) -> Option<(Value, &str)> {
    match text.chars().next()? {
        '"' => string(text).map(|(text, rest)| (Value::Text(text), rest)),
        ':' => {
            let (bytes, rest) = text[1..].split_once(':')?;
            let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
            let value = bytes.chars().all(base64).then(|| bytes.to_owned())?;
            Some((Value::Bytes(value), rest))
        }
        '-' | '0'..='9' => {
            let end = text.find(|c: char| !(c.is_ascii_digit() || "-.".contains(c)));
            let (number, rest) = text.split_at(end.unwrap_or(text.len()));
            let value = match number.parse() {
                Ok(integer) => Value::Integer(integer),
                // Decimals are valid fields, but no parameter of the draft uses one.
                Err(_) => number.parse::<f64>().ok().map(|_| Value::Other)?,
            };
            Some((value, rest))
        }
        '?' | '@' | '%' | '*' | 'A'..='Z' | 'a'..='z' => {
            let end = text.find([';', ',', ' ', '\t']).unwrap_or(text.len());
            Some((Value::Other, &text[end..]))
        }
        _ => None,
    }
}

fn string(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = inner.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Some((value, &inner[index + 1..])),
            '\\' => value.push(
                chars
                    .next()
                    .map(|(_, c)| c)
                    .filter(|c| "\"\\".contains(*c))?,
            ),
            ' '..='~' => value.push(c),
            _ => return None,
        }
    }
    None
}

const fn is_key(c: char) -> bool {
    matches!(c, 'a'..='z' | '0'..='9' | '_' | '-' | '.' | '*')
}
