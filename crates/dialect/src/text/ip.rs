//! IP addresses and the networks that they are in.
//!
//! An address is its shortest spelling as text, in a field that says so: addresses compare by their bytes, as Trino's do
//! (<https://trino.io/docs/current/language/types.html#ipaddress>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{ReturnFieldArgs, ScalarUDF};

use crate::function::{Call, Function, Kind, Returns};

/// Marks the field of an IP address.
const KIND: &str = "trailql.kind";

/// See [`KIND`].
const ADDRESS: &str = "ipaddress";

static IP_ADDRESS: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Function::new("ipaddress", &[Kind::Text], Returns::From(returns_address), address).aliases(&["inet", "host"]).udf()
});

static TRY_IP_ADDRESS: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Function::new("try_ipaddress", &[Kind::Text], Returns::From(returns_address), |call| {
        let texts = call.texts(0)?;
        call.build_texts(|row| Ok(texts.get(row).and_then(|text| spelled(text).ok())))
    })
    .udf()
});

static IP_ORDER: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Function::new("ip_order", &[Kind::Text], Returns::Type(DataType::Utf8), |call| {
        let texts = call.texts(0)?;
        call.build_texts(|row| texts.get(row).map(order_key).transpose())
    })
    .udf()
});

/// The field of an address or a network.
pub(crate) fn ip_field(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true).with_metadata([(KIND.to_owned(), ADDRESS.to_owned())].into())
}

/// Says whether a field holds addresses or networks and not just any text.
pub(crate) fn is_ip(field: &Field) -> bool {
    field.metadata().get(KIND).is_some_and(|kind| kind == ADDRESS)
}

fn returns_address(_: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    Ok(Arc::new(ip_field(ADDRESS)))
}

/// `ip_order(address)`: text that compares as the address does.
pub(crate) fn ip_order() -> Arc<ScalarUDF> {
    Arc::clone(&IP_ORDER)
}

/// `TRY_CAST(x AS IPADDRESS)`: NULL for text that is no address.
pub(crate) fn try_ip_address() -> Arc<ScalarUDF> {
    Arc::clone(&TRY_IP_ADDRESS)
}

/// `ipaddress(text)`: what `IPADDRESS '10.0.0.1'` and `CAST(x AS IPADDRESS)` mean.
pub(crate) fn ip_address() -> Arc<ScalarUDF> {
    Arc::clone(&IP_ADDRESS)
}

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    const TEXT: Kind = Kind::Text;
    let address = || Returns::From(returns_address);
    [
        Function::new("ip_prefix", &[TEXT, Kind::Int], address(), prefix),
        Function::new("ip_subnet_min", &[TEXT], address(), |call| bound(call, Network::first)),
        Function::new("ip_subnet_max", &[TEXT], address(), |call| bound(call, Network::last)),
        Function::new("is_subnet_of", &[TEXT, TEXT], Returns::Type(DataType::Boolean), is_subnet_of),
    ]
    .into_iter()
    .map(Function::udf)
    .chain([ip_address(), try_ip_address(), ip_order()])
    .collect()
}

/// A network, such as `10.0.0.0/8`; a lone address is the network of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address = parse_address(address)?;
        let bits = bits.map_or(Some(width(address)), |bits| bits.parse().ok())?;
        (bits <= width(address)).then_some(Self { address, bits })
    }

    fn host_mask(self) -> u128 {
        let free = width(self.address) - self.bits;
        if free == 128 { u128::MAX } else { (1 << free) - 1 }
    }

    fn first(self) -> IpAddr {
        from_number(number(self.address) & !self.host_mask(), self.address)
    }

    fn last(self) -> IpAddr {
        from_number(number(self.address) | self.host_mask(), self.address)
    }

    fn contains(self, other: Self) -> bool {
        self.address.is_ipv4() == other.address.is_ipv4()
            && self.first() <= other.first()
            && other.last() <= self.last()
    }
}

/// Says whether `inner`, an address or a network, is in the network `outer`; `None` if one of them is neither.
pub(crate) fn cidr_contains(outer: &str, inner: &str) -> Option<bool> {
    Some(Network::parse(outer)?.contains(Network::parse(inner)?))
}

/// Addresses of IPv4 within IPv6 count as those of IPv4.
fn parse_address(text: &str) -> Option<IpAddr> {
    text.trim().parse().ok().map(|address: IpAddr| address.to_canonical())
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

fn from_number(number: u128, like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::from(number as u32).into(),
        IpAddr::V6(_) => Ipv6Addr::from(number).into(),
    }
}

fn address(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.build_texts(|row| texts.get(row).map(spelled).transpose())
}

/// An address or a network in its shortest spelling.
fn spelled(text: &str) -> Result<String> {
    let network = network(text)?;
    Ok(if text.contains('/') { format!("{}/{}", network.address, network.bits) } else { network.address.to_string() })
}

/// The sixteen bytes of an address, those of IPv4 within IPv6, and then the length of a network.
fn order_key(text: &str) -> Result<String> {
    let Network { address, bits } = network(text)?;
    let bytes = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    Ok(format!("{:032x}{bits:03}", u128::from(bytes)))
}

fn not_an_address(text: &str) -> datafusion::error::DataFusionError {
    exec_datafusion_err!("'{text}' is no IP address; TRY_CAST(x AS IPADDRESS) gives NULL for what is none")
}

fn network(text: &str) -> Result<Network> {
    Network::parse(text).ok_or_else(|| not_an_address(text))
}

fn prefix(call: &Call) -> Result<ArrayRef> {
    let (texts, bits) = (call.texts(0)?, call.ints(1)?);
    call.build_texts(|row| {
        let (Some(text), Some(bits)) = (texts.get(row), bits[row]) else { return Ok(None) };
        let address = network(text)?.address;
        let bits = u32::try_from(bits).ok().filter(|bits| *bits <= width(address));
        let bits = bits.ok_or_else(|| exec_datafusion_err!("ip_prefix: {text} has no such prefix"))?;
        Ok(Some(format!("{}/{bits}", Network { address, bits }.first())))
    })
}

fn bound(call: &Call, bound: fn(Network) -> IpAddr) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.build_texts(|row| texts.get(row).map(|text| Ok(bound(network(text)?).to_string())).transpose())
}

fn is_subnet_of(call: &Call) -> Result<ArrayRef> {
    let (outer, inner) = (call.texts(0)?, call.texts(1)?);
    let verdict = |row| match (outer.get(row), inner.get(row)) {
        (Some(outer), Some(inner)) => Ok(Some(network(outer)?.contains(network(inner)?))),
        _ => Ok(None),
    };
    Ok(Arc::new((0..call.rows).map(verdict).collect::<Result<BooleanArray>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_addresses_of_their_kind() {
        assert_eq!(cidr_contains("10.0.0.0/8", "10.255.0.1"), Some(true));
        assert_eq!(cidr_contains("10.0.0.0/8", "11.0.0.0"), Some(false));
        assert_eq!(cidr_contains("0.0.0.0/0", "255.255.255.255"), Some(true));
        assert_eq!(cidr_contains("::/0", "10.0.0.1"), Some(false));
        assert_eq!(cidr_contains("2001:db8::/32", "2001:db8:1::1"), Some(true));
        assert_eq!(cidr_contains("10.0.0.0/8", "AWS Internal"), None);
        assert_eq!(cidr_contains("10.0.0.0/33", "10.0.0.1"), None);
    }
}
