//! Maps in JSON whose keys are no text: JSON's names always are.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, FieldRef};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow::util::display::array_value_to_string;

/// Returns the options by which all formats write nested values.
pub(super) fn options() -> EncoderOptions {
    EncoderOptions::default().with_encoder_factory(Arc::new(TextKeys))
}

/// Writes the keys of maps as text; arrow refuses maps with other keys.
#[derive(Debug)]
struct TextKeys;

impl EncoderFactory for TextKeys {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let DataType::Map(entries, _) = array.data_type() else { return Ok(None) };
        let map = array.as_map();
        if map.keys().data_type().is_string() {
            return Ok(None);
        }
        let DataType::Struct(fields) = entries.data_type() else { return Ok(None) };
        let value_field = fields.get(1).unwrap_or(field);
        let name = |at| Ok(serde_json::Value::from(array_value_to_string(map.keys(), at)?).to_string());
        let encoder = MapEncoder {
            ends: map.value_offsets().iter().map(|end| *end as usize).collect(),
            names: (0..map.keys().len()).map(name).collect::<Result<_, ArrowError>>()?,
            values: make_encoder(value_field, map.values().as_ref(), options)?,
            writes_nulls: options.explicit_nulls(),
        };
        Ok(Some(NullableEncoder::new(Box::new(encoder), map.nulls().cloned())))
    }
}

struct MapEncoder<'a> {
    ends: Vec<usize>,
    /// The keys as JSON text.
    names: Vec<String>,
    values: NullableEncoder<'a>,
    writes_nulls: bool,
}

impl Encoder for MapEncoder<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        out.push(b'{');
        let start = out.len();
        for at in self.ends[row]..self.ends[row + 1] {
            let is_null = self.values.is_null(at);
            if is_null && !self.writes_nulls {
                continue;
            }
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(self.names[at].as_bytes());
            out.push(b':');
            match is_null {
                true => out.extend_from_slice(b"null"),
                false => self.values.encode(at, out),
            }
        }
        out.push(b'}');
    }
}
