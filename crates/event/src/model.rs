//! The members of a CloudTrail event that have a column: one table that schema, decoder and rebuilder share.
//!
//! Column names are the JSON names in lower case, as in Athena's DDL. Source of the members: CloudTrail User Guide,
//! "CloudTrail record contents for management, data, and network activity events", "CloudTrail userIdentity
//! element", and the record contents for Insights and aggregated events.

use std::sync::LazyLock;

/// How the value of a member is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A JSON string as text.
    Text,
    /// The JSON value itself, without white space between tokens.
    Json,
    /// `true` or `false`.
    Bool,
    /// A time as UTC microseconds.
    Time,
    /// An object whose members have columns of their own.
    Struct(&'static [Member]),
    /// `resources`: a list of [`RESOURCE`] structs.
    Resources,
    /// An object with text values.
    Map,
    /// Read, but without a column: other spellings, and the envelopes around an event.
    Hidden,
}

/// One member of a JSON object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    /// Name in JSON.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

const fn member(name: &'static str, kind: Kind) -> Member {
    Member { name, kind }
}

const fn text(name: &'static str) -> Member {
    member(name, Kind::Text)
}

const fn json(name: &'static str) -> Member {
    member(name, Kind::Json)
}

const fn structure(name: &'static str, members: &'static [Member]) -> Member {
    member(name, Kind::Struct(members))
}

/// Members of an event, in column order.
pub(crate) const EVENT: &[Member] = &[
    text("eventVersion"),
    structure("userIdentity", USER_IDENTITY),
    member("eventTime", Kind::Time),
    text("eventSource"),
    text("eventName"),
    text("awsRegion"),
    text("sourceIPAddress"),
    text("userAgent"),
    text("errorCode"),
    text("errorMessage"),
    json("requestParameters"),
    json("responseElements"),
    json("additionalEventData"),
    text("requestID"),
    text("eventID"),
    member("resources", Kind::Resources),
    text("eventType"),
    text("apiVersion"),
    member("readOnly", Kind::Bool),
    text("recipientAccountId"),
    json("serviceEventDetails"),
    text("sharedEventID"),
    text("vpcEndpointId"),
    text("vpcEndpointAccountId"),
    text("eventCategory"),
    structure("addendum", &[text("reason"), text("updatedFields"), text("originalRequestID"), text("originalEventID")]),
    text("sessionCredentialFromConsole"),
    json("edgeDeviceDetails"),
    structure(
        "tlsDetails",
        &[text("tlsVersion"), text("cipherSuite"), text("clientProvidedHostHeader"), text("keyExchange")],
    ),
    member("managementEvent", Kind::Bool),
    json("insightDetails"),
    json("eventContext"),
    text("annotation"),
    json("summary"),
    json("timeWindow"),
    // Aggregated events spell these two differently.
    member("eventId", Kind::Hidden),
    member("accountId", Kind::Hidden),
    // Envelopes of one event each: `lookup-events`, EventBridge, CloudWatch Logs.
    member("CloudTrailEvent", Kind::Hidden),
    member("detail", Kind::Hidden),
    member("detail-type", Kind::Hidden),
    member("message", Kind::Hidden),
    // What marks a digest file.
    member("digestS3Object", Kind::Hidden),
    // What `unmapped` uses for itself; an event that has them is kept verbatim.
    member("$absent", Kind::Hidden),
    member("$event", Kind::Hidden),
];

const USER_IDENTITY: &[Member] = &[
    text("type"),
    text("principalId"),
    text("arn"),
    text("accountId"),
    text("invokedBy"),
    text("accessKeyId"),
    text("userName"),
    structure("onBehalfOf", &[text("userId"), text("identityStoreArn")]),
    structure("sessionContext", SESSION_CONTEXT),
    text("identityProvider"),
    text("credentialId"),
    structure(
        "inScopeOf",
        &[text("sourceArn"), text("sourceAccount"), text("issuerType"), text("credentialsIssuedTo")],
    ),
    structure("invokedByDelegate", &[text("accountId")]),
];

const SESSION_CONTEXT: &[Member] = &[
    structure("attributes", &[text("mfaAuthenticated"), text("creationDate")]),
    structure("sessionIssuer", &[text("type"), text("principalId"), text("arn"), text("accountId"), text("userName")]),
    text("ec2RoleDelivery"),
    structure("webIdFederationData", &[text("federatedProvider"), member("attributes", Kind::Map)]),
    text("sourceIdentity"),
    text("ec2IssuedInVpc"),
    text("assumedRoot"),
    text("signInSessionArn"),
];

/// Members of one element of `resources`.
pub(crate) const RESOURCE: &[Member] = &[text("ARN"), text("ARNPrefix"), text("accountId"), text("type")];

/// The tree of [`EVENT`] with every leaf and struct numbered.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Structs in preorder; the event itself is [`ROOT`].
    pub(crate) nodes: Vec<Node>,
    /// Number of leaves.
    pub(crate) slots: usize,
}

/// Number of the event itself among [`Layout::nodes`].
pub(crate) const ROOT: usize = 0;

/// One struct of the tree.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) members: Vec<Place>,
}

/// Where a member's value goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Slot of a leaf, or node of a struct.
    pub(crate) index: usize,
}

impl Layout {
    /// The one layout there is.
    pub(crate) fn get() -> &'static Self {
        static LAYOUT: LazyLock<Layout> = LazyLock::new(|| {
            let mut layout = Layout { nodes: Vec::new(), slots: 0 };
            layout.add(EVENT);
            layout
        });
        &LAYOUT
    }

    /// Slot of a member of the event itself.
    pub(crate) fn slot(&self, name: &str) -> usize {
        let place = self.nodes[ROOT].members.iter().find(|place| place.name == name);
        place.expect("only members of EVENT are asked for").index
    }

    fn add(&mut self, members: &'static [Member]) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node { members: Vec::new() });
        for member in members {
            let index = match member.kind {
                Kind::Struct(children) => self.add(children),
                _ => {
                    self.slots += 1;
                    self.slots - 1
                }
            };
            self.nodes[node].members.push(Place { name: member.name, kind: member.kind, index });
        }
        node
    }
}
