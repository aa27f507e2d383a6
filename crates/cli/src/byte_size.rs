//! Sizes on the command line.

/// Reads `128MiB`, `64M`, `1GiB`, `500kB` or a number of bytes.
pub(crate) fn parse_byte_size(text: &str) -> Result<u64, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor: Option<u64> = match unit.trim() {
        "" | "B" => Some(1),
        "kB" => Some(1000),
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        "K" | "KiB" => Some(1 << 10),
        "M" | "MiB" => Some(1 << 20),
        "G" | "GiB" => Some(1 << 30),
        _ => None,
    };
    let size = digits.parse::<u64>().ok().zip(factor).and_then(|(count, factor)| count.checked_mul(factor));
    size.filter(|size| *size > 0).ok_or_else(|| "give a size such as 128MiB, 64M or 500kB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes() {
        for (text, bytes) in
            [("128MiB", 128 << 20), ("64M", 64 << 20), ("1 GiB", 1 << 30), ("500kB", 500_000), ("7", 7)]
        {
            assert_eq!(parse_byte_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "0", "1.5GiB", "12 parsecs", "99999999999GiB"] {
            assert!(parse_byte_size(text).is_err(), "{text}");
        }
    }
}
