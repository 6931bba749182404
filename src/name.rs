//! The names and values of the registry as types, each parsed once where it enters the program.
//!
//! The file system and the decisions are only given these types, so that no other code checks a name again: a [`Device`]
//! cannot hold `nvme04` or `../x`, an [`AttrName`] cannot leave its entry, and a [`Value`] that a caller gave cannot hold a
//! second line. The limits are those of libnvme's registry, enforced.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::OsStrExt;

/// The attribute that names the orchestrator a controller belongs to.
pub const OWNER: &str = "owner";
/// The attribute that holds the entry's [`Seqnum`], its stamp.
pub const SEQNUM: &str = "seqnum";
/// The attribute that holds the entry's [`Incarnation`].
pub const INCARNATION: &str = "incarnation";

/// The longest attribute name, in bytes.
pub const ATTR_NAME_MAX: usize = 64;
/// The longest value, in bytes, its trailing newline not counted.
pub const VALUE_MAX: usize = 4096;

/// The reason why a word was refused. `Display` completes the sentence "`WORD` is not a …: ".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadName {
    /// The word is empty.
    Empty,
    /// Not `nvme` and a decimal number.
    NotADevice,
    /// A namespace (`nvme3n1`) or another device below a controller.
    Namespace,
    /// The number has a leading zero.
    LeadingZero,
    /// The number does not fit the kernel's instance, an `i32`.
    InstanceTooLarge,
    /// A byte outside `[A-Za-z0-9_-]`.
    AttrCharacter,
    /// More than [`ATTR_NAME_MAX`] bytes.
    AttrTooLong,
    /// A control character, a newline among them.
    ControlCharacter,
    /// More than [`VALUE_MAX`] bytes.
    ValueTooLong,
    /// Not a decimal number of 64 bits.
    NotANumber,
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadName::Empty => "it is empty",
            BadName::NotADevice => "a controller is named nvme and a number, as in nvme4 or /dev/nvme4",
            BadName::Namespace => "this is a namespace; name its controller, as in nvme4",
            BadName::LeadingZero => "the number has a leading zero",
            BadName::InstanceTooLarge => "the number is larger than the kernel's 2147483647",
            BadName::AttrCharacter => "only letters, digits, '_' and '-' are allowed",
            BadName::AttrTooLong => "it is longer than 64 bytes",
            BadName::ControlCharacter => "control characters, newlines among them, are not allowed",
            BadName::ValueTooLong => "it is longer than 4096 bytes",
            BadName::NotANumber => "it is not a decimal number of 64 bits",
        })
    }
}

/// A controller's kernel name, `nvmeN`. The kernel uses a name again; [`Incarnation`] tells the controllers apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Device {
    instance: u32,
}

impl Device {
    /// The device of an instance number, as `/dev/nvme-fabrics` answers it. `None` where it does not fit an `i32`.
    pub fn from_instance(instance: u64) -> Option<Device> {
        i32::try_from(instance).ok()?;
        u32::try_from(instance).ok().map(|instance| Device { instance })
    }

    /// Parses `nvmeN` or `/dev/nvmeN`.
    ///
    /// # Errors
    /// Every word that is not the kernel's name of a controller. A namespace (`nvme3n1`) has a reason of its own.
    pub fn parse(word: &OsStr) -> Result<Device, BadName> {
        let word = word.as_bytes();
        Self::parse_name(word.strip_prefix(b"/dev/").unwrap_or(word))
    }

    /// Parses `nvmeN`, as a directory holds it.
    ///
    /// # Errors
    /// As [`Device::parse`]. `/dev/` before the name is refused too.
    pub fn parse_name(name: &[u8]) -> Result<Device, BadName> {
        if name.is_empty() {
            return Err(BadName::Empty);
        }
        let number = name.strip_prefix(b"nvme").ok_or(BadName::NotADevice)?;
        let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match (digits, number) {
            (0, _) => return Err(BadName::NotADevice),
            (_, [b'0', _, ..]) if digits > 1 => return Err(BadName::LeadingZero),
            _ => {}
        }
        match number.get(digits..) {
            None | Some([]) => {}
            Some([b'n' | b'c', rest @ ..]) if rest.first().is_some_and(u8::is_ascii_digit) => {
                return Err(BadName::Namespace);
            }
            Some(_) => return Err(BadName::NotADevice),
        }
        let instance = decimal(number).ok_or(BadName::InstanceTooLarge)?;
        Device::from_instance(instance).ok_or(BadName::InstanceTooLarge)
    }

    /// The name as a directory entry: `nvme4`.
    pub fn name(self) -> String {
        // Not by way of `Display`: a listing asks for the name of every device.
        let mut name = String::with_capacity("nvme2147483647".len());
        name.push_str("nvme");
        let mut unit = 1;
        while self.instance / unit >= 10 {
            unit *= 10;
        }
        while unit > 0 {
            name.push(char::from(b'0' + (self.instance / unit % 10) as u8));
            unit /= 10;
        }
        name
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nvme{}", self.instance)
    }
}

/// The name of an attribute: a file name that can neither be hidden, nor leave the entry, nor be mistaken for the temporary
/// file of an unfinished write.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AttrName(Cow<'static, str>);

impl AttrName {
    /// Parses `[A-Za-z0-9_-]+`, at most [`ATTR_NAME_MAX`] bytes.
    ///
    /// # Errors
    /// Every other word. That includes the names with a dot, such as `owner.tmp.x`.
    pub fn parse(word: &[u8]) -> Result<AttrName, BadName> {
        if word.is_empty() {
            return Err(BadName::Empty);
        }
        if word.len() > ATTR_NAME_MAX {
            return Err(BadName::AttrTooLong);
        }
        if !word.iter().all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
            return Err(BadName::AttrCharacter);
        }
        // Every entry has these.
        if let Some(known) = [OWNER, SEQNUM, INCARNATION].into_iter().find(|known| known.as_bytes() == word) {
            return Ok(AttrName(Cow::Borrowed(known)));
        }
        String::from_utf8(word.to_vec()).map(|name| AttrName(name.into())).map_err(|_| BadName::AttrCharacter)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the attribute that names the owner.
    pub fn is_owner(&self) -> bool {
        self.0 == OWNER
    }

    /// Whether the registry itself maintains this attribute. No command may set or delete it.
    pub fn is_reserved(&self) -> bool {
        self.0 == SEQNUM || self.0 == INCARNATION
    }

    /// Whether the attribute belongs to the orchestrators. It is carried over to the entry of a new owner.
    pub fn is_private(&self) -> bool {
        !self.is_owner() && !self.is_reserved()
    }
}

impl fmt::Display for AttrName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An attribute's value: bytes, which need not be UTF-8. `Display` escapes control characters and invalid bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value(Vec<u8>);

impl Value {
    /// Parses a value given by a caller: 1 to [`VALUE_MAX`] bytes without control characters.
    ///
    /// # Errors
    /// The value is empty, too long, or holds a control character.
    pub fn parse(word: &[u8]) -> Result<Value, BadName> {
        if word.is_empty() {
            return Err(BadName::Empty);
        }
        if word.len() > VALUE_MAX {
            return Err(BadName::ValueTooLong);
        }
        if word.iter().any(u8::is_ascii_control) {
            return Err(BadName::ControlCharacter);
        }
        Ok(Value(word.to_vec()))
    }

    /// Parses the content of an attribute's file, without its trailing `\n` and `\r`. `None`: nothing is left. Control
    /// characters inside, which another writer can have stored, are kept; the code that displays the value escapes them.
    ///
    /// # Errors
    /// More than [`VALUE_MAX`] bytes.
    pub fn stored(file: &[u8]) -> Result<Option<Value>, BadName> {
        let end = file.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
        match file.get(..end) {
            None | Some([]) => Ok(None),
            Some(value) if value.len() > VALUE_MAX => Err(BadName::ValueTooLong),
            Some(value) => Ok(Some(Value(value.to_vec()))),
        }
    }

    /// The bytes, without a newline.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0).fmt(f)
    }
}

/// Whether a terminal acts on a character, or shows nothing where it is: control characters (C0, DEL, C1), those that turn
/// the direction of writing, and those without a width (Unicode's format characters, and the fillers of Hangul). A value
/// with one of them could look like another value.
pub fn acts_on_terminal(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
            | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Bytes displayed as text: valid UTF-8 unchanged, but characters that a terminal acts on and all other bytes as `\xNN`.
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing to escape in nearly every value.
        if let Ok(text) = str::from_utf8(self.0)
            && self.0.iter().all(|byte| matches!(byte, b' '..=b'~'))
        {
            return f.write_str(text);
        }
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if acts_on_terminal(character) {
                    let mut utf8 = [0; 4];
                    character.encode_utf8(&mut utf8).bytes().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
                } else {
                    f.write_char(character)?;
                }
            }
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

/// A uevent number. The kernel counts every uevent of the running system in one sequence; an entry's stamp is
/// `/sys/kernel/uevent_seqnum` as read right after connect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Seqnum(pub u64);

/// The identity of one controller from connect to removal: the inode number of its sysfs directory, which is unique
/// within one boot (kernfs assigns inode numbers cyclically and with a generation). It is to a controller what diskseq
/// is to a block device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Incarnation(pub u64);

impl Seqnum {
    /// Parses a decimal number of 64 bits; signs and spaces are refused.
    ///
    /// # Errors
    /// [`BadName::NotANumber`].
    pub fn parse(word: &[u8]) -> Result<Seqnum, BadName> {
        decimal(word).map(Seqnum).ok_or(BadName::NotANumber)
    }
}

impl Incarnation {
    /// Parses a decimal number of 64 bits.
    ///
    /// # Errors
    /// [`BadName::NotANumber`].
    pub fn parse(word: &[u8]) -> Result<Incarnation, BadName> {
        decimal(word).map(Incarnation).ok_or(BadName::NotANumber)
    }
}

impl fmt::Display for Seqnum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Parses a word of digits only. `str::parse` would accept a leading `+`.
fn decimal(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
