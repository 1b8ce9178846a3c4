//! Reads one JSON object strictly: every key is known, every number is a string, every word stands in its table.

use serde_json::{Map, Value};
use tiderace_types::{DecimalError, Ts, decimal};

use super::time;

/// What is wrong with a line, before its file and number are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// Where in the object, e.g. `instruments[0].tick_size`; empty for the line itself.
    pub key: String,
    /// What is wrong, with the value.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl Bad {
    /// One that names a key.
    pub fn new(key: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into(), remedy: remedy.into() }
    }
}

impl core::fmt::Display for Bad {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.message, self.remedy)
    }
}

impl std::error::Error for Bad {}

/// The value of a JSON text, without what `serde_json` would let pass: a key that stands twice.
pub(super) fn parse(text: &str) -> Result<Value, Bad> {
    let value = serde_json::from_str::<strict::Strict>(text).map(|strict| strict.0);
    value.map_err(|error| Bad::new("", format!("not JSON: {error}"), "write one JSON object a line, each key once"))
}

/// An object and the path to it.
#[derive(Clone, Debug)]
pub(super) struct Object<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    /// The object at `path`.
    pub(super) fn new(value: &'a Value, path: &str) -> Result<Self, Bad> {
        let wrong = || Bad::new(path, format!("{value} is not an object"), "write {\"key\": …}");
        value.as_object().map(|map| Self { path: path.to_owned(), map }).ok_or_else(wrong)
    }

    /// The path of a key.
    pub(super) fn at(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// A complaint about a key.
    pub(super) fn bad(&self, key: &str, message: impl Into<String>, remedy: impl Into<String>) -> Bad {
        Bad::new(self.at(key), message, remedy)
    }

    /// Refuses keys that are not among `known`.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Bad> {
        match self.map.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(self.bad(key, "this key is unknown here", format!("known are: {}", known.join(" ")))),
        }
    }

    /// Whether the key stands there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// Every key and its value.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.map.iter()
    }

    /// Any value, if the key stands there.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key)
    }

    fn needed<T>(&self, key: &str, value: Option<T>) -> Result<T, Bad> {
        value.ok_or_else(|| self.bad(key, "this key is missing", "add it"))
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Result<&'a str, Bad> {
        self.needed(key, self.text_or_none(key)?)
    }

    /// A text, if the key stands there.
    pub(super) fn text_or_none(&self, key: &str) -> Result<Option<&'a str>, Bad> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => {
                let quoted = "write it as a string: prices, quantities, amounts, times and names are strings";
                Err(self.bad(key, format!("{value} is not a string"), quoted))
            }
        }
    }

    /// A flag; off when absent.
    pub(super) fn flag(&self, key: &str) -> Result<bool, Bad> {
        match self.map.get(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(value) => Err(self.bad(key, format!("{value} is not true or false"), "write true or false")),
        }
    }

    /// A word of a table.
    pub(super) fn word<T: Copy>(&self, key: &str, table: &[(&str, T)]) -> Result<T, Bad> {
        self.needed(key, self.word_or_none(key, table)?)
    }

    /// A word of a table, if the key stands there.
    pub(super) fn word_or_none<T: Copy>(&self, key: &str, table: &[(&str, T)]) -> Result<Option<T>, Bad> {
        let Some(text) = self.text_or_none(key)? else { return Ok(None) };
        match table.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let known: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
                Err(self.bad(key, format!("{text:?} is unknown here"), format!("known are: {}", known.join(" "))))
            }
        }
    }

    /// A decimal as it was written, if the key stands there.
    pub(super) fn number_or_none(&self, key: &str) -> Result<Option<&'a str>, Bad> {
        let Some(text) = self.text_or_none(key)? else { return Ok(None) };
        check_number(text).map_err(|message| self.bad(key, message, "write a decimal like \"12.5\""))?;
        Ok(Some(text))
    }

    /// A decimal as it was written.
    pub(super) fn number(&self, key: &str) -> Result<&'a str, Bad> {
        self.needed(key, self.number_or_none(key)?)
    }

    /// A decimal in units of 10^-`decimals`, exactly.
    pub(super) fn scaled(&self, key: &str, decimals: u32) -> Result<i128, Bad> {
        self.needed(key, self.scaled_or_none(key, decimals)?)
    }

    /// A decimal in units of 10^-`decimals`, exactly, if the key stands there.
    pub(super) fn scaled_or_none(&self, key: &str, decimals: u32) -> Result<Option<i128>, Bad> {
        let Some(text) = self.number_or_none(key)? else { return Ok(None) };
        let value = decimal::parse(text, decimals);
        value.map(Some).map_err(|error| self.bad(key, format!("{text:?} {error}"), "write a smaller or coarser number"))
    }

    /// A decimal as a fixed-width integer of 10^-`decimals`.
    pub(super) fn scaled_i64(&self, key: &str, decimals: u32) -> Result<i64, Bad> {
        let value = self.scaled(key, decimals)?;
        i64::try_from(value).map_err(|_| self.bad(key, "the number is too large", "write a smaller one"))
    }

    /// A whole number, written as a JSON number or as a string.
    pub(super) fn count_or_none(&self, key: &str) -> Result<Option<u32>, Bad> {
        let Some(value) = self.map.get(key) else { return Ok(None) };
        let count = match value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_u64().and_then(|n| u32::try_from(n).ok()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let wrong = || self.bad(key, format!("{value} is not a whole number"), "write a whole number, zero or above");
        count.map(Some).ok_or_else(wrong)
    }

    /// A whole number, written as a JSON number or as a string.
    pub(super) fn count(&self, key: &str) -> Result<u32, Bad> {
        self.needed(key, self.count_or_none(key)?)
    }

    /// A duration in nanoseconds.
    pub(super) fn duration(&self, key: &str) -> Result<i64, Bad> {
        self.needed(key, self.duration_or_none(key)?)
    }

    /// A duration in nanoseconds, if the key stands there.
    pub(super) fn duration_or_none(&self, key: &str) -> Result<Option<i64>, Bad> {
        let Some(text) = self.text_or_none(key)? else { return Ok(None) };
        let wrong = || self.bad(key, format!("{text:?} is not a duration"), "write e.g. \"30s\", \"250ms\" or \"8h\"");
        time::duration(text).map(Some).ok_or_else(wrong)
    }

    /// A time.
    pub(super) fn time(&self, key: &str) -> Result<Ts, Bad> {
        self.needed(key, self.time_or_none(key)?)
    }

    /// A time, if the key stands there.
    pub(super) fn time_or_none(&self, key: &str) -> Result<Option<Ts>, Bad> {
        let Some(text) = self.text_or_none(key)? else { return Ok(None) };
        let remedy = "write an RFC 3339 UTC time like \"2026-01-01T00:00:00Z\"";
        time::parse(text).map(Some).ok_or_else(|| self.bad(key, format!("{text:?} is not a time"), remedy))
    }

    /// A list, if the key stands there.
    pub(super) fn list_or_none(&self, key: &str) -> Result<Option<&'a [Value]>, Bad> {
        match self.map.get(key) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(value) => Err(self.bad(key, format!("{value} is not a list"), "write [ … ]")),
        }
    }

    /// The objects of a list.
    pub(super) fn objects(&self, key: &str) -> Result<Vec<Object<'a>>, Bad> {
        let list = self.needed(key, self.list_or_none(key)?)?;
        list.iter().enumerate().map(|(row, value)| Object::new(value, &format!("{}[{row}]", self.at(key)))).collect()
    }

    /// The objects of a list; none when the key is absent.
    pub(super) fn objects_or_none(&self, key: &str) -> Result<Vec<Object<'a>>, Bad> {
        if self.has(key) { self.objects(key) } else { Ok(Vec::new()) }
    }

    /// An object, if the key stands there.
    pub(super) fn object_or_none(&self, key: &str) -> Result<Option<Object<'a>>, Bad> {
        self.map.get(key).map(|value| Object::new(value, &self.at(key))).transpose()
    }
}

/// Whether a text is a decimal, however fine or large.
pub(super) fn check_number(text: &str) -> Result<(), String> {
    match decimal::parse(text, 0) {
        Err(DecimalError::NotDecimal) => Err(format!("{text:?} is not a decimal number")),
        Ok(_) | Err(DecimalError::TooFine { .. } | DecimalError::TooLarge) => Ok(()),
    }
}

mod strict {
    //! `serde_json::Value` keeps the last of two equal keys; this refuses them.

    use core::fmt;

    use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
    use serde_json::{Map, Number, Value};

    pub(super) struct Strict(pub(super) Value);

    impl<'de> Deserialize<'de> for Strict {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_any(Reader).map(Self)
        }
    }

    struct Reader;

    impl<'de> Visitor<'de> for Reader {
        type Value = Value;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON value")
        }
        fn visit_unit<E: Error>(self) -> Result<Value, E> {
            Ok(Value::Null)
        }
        fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
            Ok(Value::Bool(value))
        }
        fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
            Ok(value.into())
        }
        fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
            Ok(value.into())
        }
        fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
            Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
        }
        fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
            Ok(value.into())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
            let mut list = Vec::new();
            while let Some(Strict(item)) = items.next_element()? {
                list.push(item);
            }
            Ok(Value::Array(list))
        }
        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
            let mut map = Map::new();
            while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
                if map.contains_key(&key) {
                    return Err(A::Error::custom(format_args!("key {key:?} stands twice")));
                }
                map.insert(key, value);
            }
            Ok(Value::Object(map))
        }
    }
}
