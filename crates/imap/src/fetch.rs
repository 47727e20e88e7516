//! What a client can fetch (RFC 9051 §6.4.5 and the extensions).

/// A data item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `ENVELOPE`
    Envelope,
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `RFC822.SIZE`
    Size,
    /// `UID`
    Uid,
    /// `BODY`: the structure without extension data.
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `BODY[...]`, `BODY.PEEK[...]`, and the old `RFC822`, `RFC822.HEADER` and `RFC822.TEXT`.
    Section {
        /// Which part of the message.
        section: Section,
        /// Whether the seen flag stays as it is.
        peek: bool,
        /// First octet and number of octets.
        partial: Option<(u32, u32)>,
        /// The name under which it is answered.
        name: SectionName,
    },
    /// `BINARY[...]`, `BINARY.PEEK[...]` (RFC 3516).
    Binary {
        /// The part's numbers.
        part: Vec<u32>,
        /// Whether the seen flag stays as it is.
        peek: bool,
        /// First octet and number of octets.
        partial: Option<(u32, u32)>,
    },
    /// `BINARY.SIZE[...]` (RFC 3516).
    BinarySize {
        /// The part's numbers.
        part: Vec<u32>,
    },
    /// `MODSEQ` (RFC 7162).
    Modseq,
    /// `PREVIEW`; lazily or not, we have it at once (RFC 8970).
    Preview,
    /// `SAVEDATE` (RFC 8514).
    SaveDate,
    /// `EMAILID` (RFC 8474).
    EmailId,
    /// `THREADID` (RFC 8474).
    ThreadId,
}

/// Under which name a section is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionName {
    /// `BODY[...]`
    Body,
    /// `RFC822`
    Rfc822,
    /// `RFC822.HEADER`
    Rfc822Header,
    /// `RFC822.TEXT`
    Rfc822Text,
}

/// A section (RFC 9051 §6.4.5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The part's numbers; none for the message itself.
    pub part: Vec<u32>,
    /// What of it.
    pub text: SectionText,
}

/// What of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SectionText {
    /// All of it.
    #[default]
    All,
    /// `HEADER`
    Header,
    /// `HEADER.FIELDS`
    HeaderFields(Vec<String>),
    /// `HEADER.FIELDS.NOT`
    HeaderFieldsNot(Vec<String>),
    /// `TEXT`
    Text,
    /// `MIME`
    Mime,
}

/// What else a FETCH says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modifiers {
    /// `CHANGEDSINCE` (RFC 7162 §3.1.4).
    pub changed_since: Option<u64>,
    /// `VANISHED` (RFC 7162 §3.2.6).
    pub vanished: bool,
    /// `PARTIAL` (RFC 9394).
    pub partial: Option<(i64, i64)>,
}
