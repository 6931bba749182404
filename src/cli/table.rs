//! The table of commands. The parser, `--help`, the manual and the completions use this one table or are checked against
//! it. Each entry names the function that makes its request, so that no command is parsed as another one.

use super::arguments::Arguments;
use super::options::{DRY_RUN, Id, JSON, NAMES, NQN, OWNER, Opt, TRADDR, TRANSPORT, UNOWNED_HELP, YES, flag, option};
use super::parsers;
use super::request::Request;
use crate::error::Error;

/// A command.
#[derive(Debug)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// Its arguments in a usage line.
    pub arguments: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What one has to know to use it.
    pub about: &'static str,
    /// Its options, beside the [`GLOBAL`] ones.
    pub options: &'static [Opt],
    /// An example.
    pub example: &'static str,
    /// Makes the command's request from its arguments.
    pub(super) parse: fn(&Arguments) -> Result<Request, Error>,
}

/// Every command, in the order of `--help`.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "uevent",
        arguments: "",
        summary: "handle a udev event: remove the entry of a controller that is gone",
        about: "Run by udev. Takes the event from the environment (ACTION, DEVNAME or DEVPATH, SEQNUM, SYNTH_UUID), judges\n\
                the controller's entry, removes it if it belongs to a controller that is no more, keeps it otherwise, and\n\
                logs what it did and why. Exits 0 for every decision.",
        options: &[],
        example: "ACTION=remove DEVNAME=/dev/nvme4 SEQNUM=1356 nvme-registry uevent",
        parse: parsers::uevent,
    },
    Command {
        name: "connect",
        arguments: "--owner NAME KEY=VALUE...",
        summary: "connect a controller and register it, with nothing in between",
        about: "Writes the kernel's own options to /dev/nvme-fabrics, registers the controller that comes up, prints its\n\
                device. hostnqn and hostid come from /etc/nvme where they are not given. If the kernel has the\n\
                connection already: exit code 1, and its entry is left as it is.\n\
                \n\
                Options with a value: transport nqn traddr trsvcid host_traddr host_iface hostnqn hostid queue_size\n\
                nr_io_queues nr_write_queues nr_poll_queues reconnect_delay ctrl_loss_tmo fast_io_fail_tmo\n\
                keep_alive_tmo tos keyring tls_key dhchap_secret dhchap_ctrl_secret\n\
                Options without: duplicate_connect disable_sqflow hdr_digest data_digest discovery tls concat\n\
                \n\
                Secrets are also taken from the environment, where nobody sees them: NVME_REGISTRY_DHCHAP_SECRET,\n\
                NVME_REGISTRY_DHCHAP_CTRL_SECRET, NVME_REGISTRY_TLS_KEY, NVME_REGISTRY_KEYRING.",
        options: &[OWNER, flag(Id::ForceOption, "force-option", None, "pass on options that are not listed here")],
        example: "nvme-registry connect --owner boot transport=tcp traddr=192.0.2.1 trsvcid=4420 nqn=nqn.2026-01.example:root",
        parse: parsers::connect,
    },
    Command {
        name: "register",
        arguments: "DEVICE --owner NAME",
        summary: "write who owns a controller, right after connecting it",
        about: "The last writer wins. The new entry replaces the old one atomically; private attributes of the same\n\
                controller are carried over. On a terminal it asks before it changes an owner.",
        options: &[OWNER, YES],
        example: "nvme-registry register nvme4 --owner stas",
        parse: parsers::register,
    },
    Command {
        name: "claim",
        arguments: "DEVICE... --owner NAME | --unowned [filters] --owner NAME",
        summary: "take controllers that nobody owns",
        about: "Compare-and-set: of any number of claimers exactly one gets the controller, the others learn who did\n\
                (exit code 1). Claiming what one already owns succeeds. Prints the devices that are NAME's now.\n\
                With --unowned: whatever fabrics controllers nobody owns, for scripts that run right after a tool that\n\
                does not know the registry; prints what it claimed.",
        options: &[
            OWNER,
            flag(Id::Unowned, "unowned", None, "claim every controller that nobody owns"),
            TRANSPORT,
            TRADDR,
            NQN,
        ],
        example: "nvme connect-all && nvme-registry claim --unowned --transport tcp --owner boot",
        parse: parsers::claim,
    },
    Command {
        name: "release",
        arguments: "DEVICE --owner NAME",
        summary: "give a controller up",
        about: "Removes the entry, with all its attributes, only if NAME owns it. On a terminal it asks first.",
        options: &[OWNER, YES],
        example: "nvme-registry release nvme4 --owner stas",
        parse: parsers::release,
    },
    Command {
        name: "owner",
        arguments: "DEVICE",
        summary: "print who owns a controller",
        about: "Exits 1 and prints nothing if nobody does.",
        options: &[],
        example: "owner=$(nvme-registry owner nvme4) || echo nobody",
        parse: parsers::owner,
    },
    Command {
        name: "check",
        arguments: "DEVICE [--as NAME]",
        summary: "tell by exit code whether a controller may be taken down",
        about: "Exits 0 if nobody owns the controller, or NAME does; 1 if somebody else does, who is named on standard\n\
                error, or if there is no such controller. A local (PCIe) controller is the kernel's.",
        options: &[option(Id::As, "as", None, "NAME", "the orchestrator that asks")],
        example: "nvme-registry check nvme4 && nvme disconnect -d nvme4",
        parse: parsers::check,
    },
    Command {
        name: "retrieve",
        arguments: "DEVICE -a ATTR",
        summary: "print an attribute",
        about: "Works on what is stored, as 'nvme registry retrieve' does, also for a device that is not there; but an\n\
                entry that is known to be of an earlier controller answers no.",
        options: &[option(Id::Attr, "attr", Some('a'), "ATTR", "the attribute, such as owner or note")],
        example: "nvme-registry retrieve nvme4 -a note",
        parse: parsers::retrieve,
    },
    Command {
        name: "update",
        arguments: "DEVICE -a ATTR -V VALUE",
        summary: "write an attribute",
        about: "As 'nvme registry update'. 'seqnum' and 'incarnation' are the registry's own and refused. Writing\n\
                'owner' publishes a new entry, as register does. On a terminal it asks before it changes an owner.",
        options: &[
            option(Id::Attr, "attr", Some('a'), "ATTR", "the attribute, such as note"),
            option(Id::Value, "value", Some('V'), "VALUE", "what to write: 1 to 4096 bytes, no control characters"),
            YES,
        ],
        example: "nvme-registry update nvme4 -a note -V 'boot-path SAN'",
        parse: parsers::update,
    },
    Command {
        name: "delete",
        arguments: "DEVICE [-a ATTR]",
        summary: "delete an attribute, or the whole entry",
        about: "As 'nvme registry delete'. On a terminal it asks before it removes an entry or an owner.",
        options: &[option(Id::Attr, "attr", Some('a'), "ATTR", "delete only this attribute"), YES],
        example: "nvme-registry delete nvme4 -a note",
        parse: parsers::delete,
    },
    Command {
        name: "list",
        arguments: "[filters]",
        summary: "list what is registered",
        about: "Only entries of controllers that are there, by number; --stale and --all show the others. Filters add up.",
        options: &[
            option(Id::Owner, "owner", None, "NAME", "only what NAME owns"),
            flag(Id::Unowned, "unowned", None, UNOWNED_HELP),
            flag(Id::Stale, "stale", None, "only entries of controllers that are no more"),
            flag(Id::All, "all", None, "all entries, stale ones too"),
            TRANSPORT,
            TRADDR,
            NQN,
            JSON,
            NAMES,
        ],
        example: "nvme-registry list --owner stas --names",
        parse: parsers::list,
    },
    Command {
        name: "status",
        arguments: "[filters]",
        summary: "show every controller, owned or not",
        about: "A table: device, owner ('-' nobody, 'kernel' local, '?' cannot be read), transport, address, subsystem NQN,\n\
                state, and what the entry is worth: 'current', 'stale', 'unverified', '-' none.\n\
                Columns: DEVICE OWNER TRANSPORT ADDRESS SUBSYSNQN STATE ENTRY.",
        options: &[
            option(Id::Owner, "owner", None, "NAME", "only what NAME owns"),
            flag(Id::Unowned, "unowned", None, UNOWNED_HELP),
            flag(Id::Stale, "stale", None, "only controllers with a stale entry"),
            TRANSPORT,
            TRADDR,
            NQN,
            option(Id::Output, "output", Some('o'), "COLUMN,...", "which columns, in which order"),
            flag(Id::NoHeadings, "no-headings", None, "print no heading line"),
            JSON,
            NAMES,
        ],
        example: "nvme-registry status -o DEVICE,OWNER,SUBSYSNQN --no-headings",
        parse: parsers::status,
    },
    Command {
        name: "export",
        arguments: "DEVICE",
        summary: "print owner and private attributes for eval and for udev",
        about: "Prints NVME_OWNER='stas' and NVME_ATTR_NOTE='...' lines, which 'eval' in a shell and udev's\n\
                IMPORT{program} read the same.",
        options: &[],
        example: "eval \"$(nvme-registry export nvme4)\"; echo \"$NVME_OWNER\"",
        parse: parsers::export,
    },
    Command {
        name: "disconnect",
        arguments: "DEVICE --owner NAME",
        summary: "take one controller down, if NAME owns it or nobody does",
        about: "Exits 1 and names the owner if somebody else does. ('nvme disconnect' stays the unguarded way.)",
        options: &[OWNER],
        example: "nvme-registry disconnect nvme4 --owner stas",
        parse: parsers::disconnect,
    },
    Command {
        name: "disconnect-all",
        arguments: "[-t TRANSPORT] [--owner NAME | --force]",
        summary: "take down what nobody owns",
        about: "Fabrics controllers only, never local ones; an owner that cannot be read counts as one. Says what it\n\
                disconnected, and what it left alone and why. --owner and --force ask for a typed 'yes' on a terminal.",
        options: &[
            TRANSPORT,
            option(Id::Owner, "owner", None, "NAME", "take down what NAME owns instead"),
            flag(Id::Force, "force", None, "take down everything, whoever owns it"),
            DRY_RUN,
            YES,
        ],
        example: "nvme-registry disconnect-all --transport tcp --dry-run",
        parse: parsers::disconnect_all,
    },
    Command {
        name: "sweep",
        arguments: "[--dry-run]",
        summary: "remove stale entries and leftovers of killed writers",
        about: "Prints what it removed. A leftover is a write under way that is older than a minute.",
        options: &[DRY_RUN],
        example: "nvme-registry sweep --dry-run",
        parse: parsers::sweep,
    },
];

/// The command of this name.
pub fn command(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}
