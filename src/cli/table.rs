//! The table of commands. The parser, `--help`, the manual and the completions use this one table or are checked against
//! it. Each entry names the function that makes its request, so that no command is parsed as another one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::arguments::Arguments;
use super::nearest::Suggestion;
use super::options::{
    AS, DRY_RUN, ENTRY, FORCE_IN_USE, IN_USE, Id, JSON, LONG_OUTPUT_FORMAT, NAMES, NO_HEADINGS, NOHEADINGS, NQN,
    OUTPUT, OUTPUT_FORMAT, OWNED_BY, OWNER, Opt, RAW, STALE, TRADDR, TRANSPORT, UNOWNED, WAIT, WIDE, YES, flag, option,
};
use super::parsers;
use super::request::Request;
use crate::error::Error;
use crate::name::Escaped;

/// One command of the program.
#[derive(Debug)]
pub struct Command {
    /// The name on the command line.
    pub name: &'static str,
    /// The arguments, as the usage line shows them.
    pub arguments: &'static str,
    /// The line of the command list in `--help`.
    pub summary: &'static str,
    /// The description in the help of the command.
    pub about: &'static str,
    /// The options, besides the [global](super::options::GLOBAL) ones.
    pub options: &'static [Opt],
    /// A command line of the shell that uses the command.
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
        about: "udev runs this command. It reads the event from the environment (ACTION, DEVNAME or DEVPATH, SEQNUM,\n\
                SYNTH_UUID). It removes the controller's entry if the entry belongs to a controller that is gone, and\n\
                keeps it otherwise. The decision and its reason are logged, as are errors. Every decision exits 0.",
        options: &[],
        example: "ACTION=remove DEVNAME=/dev/nvme4 SEQNUM=1356 nvme-registry uevent",
        parse: parsers::uevent,
    },
    Command {
        name: "connect",
        arguments: "--owner NAME KEY=VALUE...",
        summary: "connect a controller and register its owner in one step",
        about: "Writes options of the kernel to /dev/nvme-fabrics, registers the new controller, and prints its device.\n\
                Without hostnqn and hostid it uses those of /etc/nvme. If the kernel already has this connection, the\n\
                exit code is 1 and the entry is not changed; with --idempotent the device is printed and claimed, and\n\
                the exit code is 1 only if another orchestrator owns it.\n\
                \n\
                Options with a value: transport nqn traddr trsvcid host_traddr host_iface hostnqn hostid queue_size\n\
                nr_io_queues nr_write_queues nr_poll_queues reconnect_delay ctrl_loss_tmo fast_io_fail_tmo\n\
                keep_alive_tmo tos keyring tls_key dhchap_secret dhchap_ctrl_secret\n\
                Options without: duplicate_connect disable_sqflow hdr_digest data_digest discovery tls concat\n\
                \n\
                Every user of the host can read a command line, so a secret on it is refused. Give a secret in a file\n\
                (dhchap_secret=@FILE; @- is standard input) or in the environment: NVME_REGISTRY_DHCHAP_SECRET,\n\
                NVME_REGISTRY_DHCHAP_CTRL_SECRET, NVME_REGISTRY_TLS_KEY, NVME_REGISTRY_KEYRING.",
        options: &[
            OWNER,
            flag(
                Id::Idempotent,
                "idempotent",
                None,
                "succeed if it is connected already and NAME's, or without an owner",
            ),
            flag(Id::ForceOption, "force-option", None, "pass on options that are not listed here"),
            JSON,
            OUTPUT_FORMAT,
        ],
        example: "nvme-registry connect --owner boot transport=tcp traddr=192.0.2.1 trsvcid=4420 nqn=nqn.2026-01.example:root",
        parse: parsers::connect,
    },
    Command {
        name: "register",
        arguments: "DEVICE... --owner NAME",
        summary: "set the owner of a controller, right after connecting it",
        about: "The last writer wins. The new entry replaces the old one atomically; private attributes of the same\n\
                controller are carried over. On a terminal it asks before it changes an owner.",
        options: &[OWNER, YES],
        example: "nvme-registry register nvme4 --owner stas",
        parse: parsers::register,
    },
    Command {
        name: "claim",
        arguments: "DEVICE... --owner NAME | --unowned [filters] --owner NAME",
        summary: "take controllers that have no owner",
        about: "Of any number of claimers exactly one gets the controller; the others are told its owner (exit code 1).\n\
                Claiming a controller that NAME already owns succeeds. Prints each device that NAME owns now.\n\
                --unowned claims every fabrics controller without an owner that passes the filters, and prints those\n\
                that it claimed: for scripts that run right after a tool that does not know the registry. If NAME owns\n\
                no controller that passes in the end, the exit code is 1; with --wait it first looks again for up to S\n\
                seconds.",
        options: &[
            OWNER,
            flag(Id::Unowned, "unowned", None, "claim every fabrics controller that has no owner"),
            IN_USE,
            TRANSPORT,
            TRADDR,
            NQN,
            option(Id::Wait, "wait", None, "S", "with --unowned: wait for a controller to claim, S seconds at most"),
            JSON,
            OUTPUT_FORMAT,
        ],
        example: "nvme connect-all && nvme-registry claim --unowned --transport tcp --owner boot",
        parse: parsers::claim,
    },
    Command {
        name: "release",
        arguments: "DEVICE... --owner NAME",
        summary: "give up a controller",
        about: "Removes the entry, with all its attributes, if NAME owns it. On a terminal it asks first.",
        options: &[option(Id::Owner, "owner", None, "NAME", "the orchestrator that owns it"), YES],
        example: "nvme-registry release nvme4 --owner stas",
        parse: parsers::release,
    },
    Command {
        name: "owner",
        arguments: "DEVICE",
        summary: "print the owner of a controller",
        about: "Exits 1 and prints nothing if the controller has no owner, and 4 if there is no such controller.",
        options: &[JSON, OUTPUT_FORMAT],
        example: "if owner=$(nvme-registry owner nvme4); then echo \"owned by $owner\"; fi",
        parse: parsers::owner,
    },
    Command {
        name: "check",
        arguments: "DEVICE... [--as NAME]",
        summary: "tell by exit code whether a controller may be taken down",
        about: "Exits 0 if the controller has no owner, or if NAME owns it, and no disk would be lost that is in use. Exits 1\n\
                if another orchestrator owns it, if a disk in use has no other usable path, or if the controller is\n\
                local (PCIe), and 4 if there is no such controller. The reason is on standard error.",
        options: &[AS, JSON, OUTPUT_FORMAT],
        example: "nvme-registry check nvme4 && nvme disconnect -d nvme4",
        parse: parsers::check,
    },
    Command {
        name: "retrieve",
        arguments: "DEVICE -a ATTR",
        summary: "print an attribute",
        about: "Reads the stored entry, as 'nvme registry retrieve' does, even if the controller is gone. An entry that is\n\
                known to belong to an earlier controller is not read (exit code 1).",
        options: &[
            option(Id::Attr, "attr", Some('a'), "ATTR", "the attribute, such as owner or note"),
            JSON,
            OUTPUT_FORMAT,
        ],
        example: "nvme-registry retrieve nvme4 -a note",
        parse: parsers::retrieve,
    },
    Command {
        name: "update",
        arguments: "DEVICE -a ATTR -V VALUE",
        summary: "write an attribute",
        about: "As 'nvme registry update'. The registry writes 'seqnum' and 'incarnation' itself and refuses them here.\n\
                Writing 'owner' publishes a new entry, as register does. On a terminal it asks before it changes an\n\
                owner.",
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
        arguments: "[DEVICE...] [filters]",
        summary: "list the entries of the registry",
        about: "Lists the entries of controllers that exist, by number, in the form of 'nvme registry list'; --all, --stale\n\
                and --entry list others. --unowned also lists controllers without an entry. An entry is listed if it\n\
                passes every filter. If --owner, --traddr or --nqn matches nothing, the exit code is 1.",
        options: &[
            OWNED_BY,
            UNOWNED,
            IN_USE,
            STALE,
            ENTRY,
            flag(Id::All, "all", None, "all entries, including stale ones"),
            TRANSPORT,
            TRADDR,
            NQN,
            OUTPUT,
            NO_HEADINGS,
            NOHEADINGS,
            RAW,
            WIDE,
            JSON,
            LONG_OUTPUT_FORMAT,
            NAMES,
        ],
        example: "nvme-registry list --owner stas --names",
        parse: parsers::list,
    },
    Command {
        name: "status",
        arguments: "[DEVICE...] [filters]",
        summary: "show every controller, owned or not, and every entry",
        about: "Prints a table: device, owner ('-' none, 'kernel' local controller, '?' cannot be read), what its disks are used\n\
                for, transport, address, subsystem NQN, state, whether the entry is 'current', 'stale' or 'unverified'\n\
                ('-' no entry), and why it is not current. On a terminal the widest values are shortened to fit.\n\
                Columns: DEVICE OWNER USE TRANSPORT ADDRESS SUBSYSNQN STATE ENTRY REASON, and on request OWNERSHIP\n\
                ATTRIBUTES HOSTNQN CNTLID.",
        options: &[
            OWNED_BY,
            UNOWNED,
            IN_USE,
            STALE,
            ENTRY,
            TRANSPORT,
            TRADDR,
            NQN,
            OUTPUT,
            NO_HEADINGS,
            NOHEADINGS,
            RAW,
            WIDE,
            JSON,
            LONG_OUTPUT_FORMAT,
            NAMES,
        ],
        example: "nvme-registry status -o DEVICE,OWNER,SUBSYSNQN --no-headings",
        parse: parsers::status,
    },
    Command {
        name: "export",
        arguments: "DEVICE",
        summary: "print owner, transport ID and private attributes for eval and udev",
        about: "Prints NVME_OWNER='stas', NVME_TID='transport=tcp;traddr=...;trsvcid=...;nqn=...' and NVME_ATTR_NOTE='...'\n\
                lines, which 'eval' in a shell and udev's IMPORT{program} read the same.",
        options: &[],
        example: "eval \"$(nvme-registry export nvme4)\"; echo \"$NVME_OWNER\"",
        parse: parsers::export,
    },
    Command {
        name: "disconnect",
        arguments: "DEVICE... | --nqn N [--traddr A] [--owner NAME | --as NAME]",
        summary: "disconnect controllers that have no owner and no disk in use",
        about: "Disconnects controllers that have no owner; with --owner those that NAME owns, with --as either. A controller that\n\
                carries the last usable path to a disk in use (mounted, swap, LVM, dm-crypt, md) is left alone, and the\n\
                user of the disk is named (exit code 1). --nqn means all controllers of a subsystem. With --wait it\n\
                returns when the controllers are gone, or exits 3 and names those that are not.",
        options: &[OWNED_BY, AS, NQN, TRADDR, WAIT, FORCE_IN_USE, DRY_RUN, JSON, OUTPUT_FORMAT],
        example: "nvme-registry disconnect --nqn nqn.2026-01.example:data --as stas --wait 10",
        parse: parsers::disconnect,
    },
    Command {
        name: "disconnect-all",
        arguments: "[filters] [--owner NAME | --as NAME | --force]",
        summary: "disconnect the controllers that have no owner and no disk in use",
        about: "Disconnects fabrics controllers only, never local ones. A controller whose owner cannot be read counts as\n\
                owned. Of a disk in use the last usable path stays (exit code 1). Prints each controller that it\n\
                disconnected, or left alone and why. On a terminal it shows what it would disconnect, and asks for a\n\
                typed 'yes'. If --owner or a filter matches no controller, the exit code is 1.",
        options: &[
            TRANSPORT,
            TRADDR,
            NQN,
            OWNED_BY,
            AS,
            flag(Id::Force, "force", None, "disconnect every fabrics controller, regardless of its owner"),
            WAIT,
            FORCE_IN_USE,
            DRY_RUN,
            YES,
            JSON,
            OUTPUT_FORMAT,
        ],
        example: "nvme-registry disconnect-all --transport tcp --dry-run",
        parse: parsers::disconnect_all,
    },
    Command {
        name: "sweep",
        arguments: "[--dry-run]",
        summary: "remove stale entries and leftovers of killed writers",
        about: "Prints each entry and leftover that it removed. A leftover is an unfinished write older than a minute.",
        options: &[DRY_RUN, JSON, OUTPUT_FORMAT],
        example: "nvme-registry sweep --dry-run",
        parse: parsers::sweep,
    },
    Command {
        name: "metrics",
        arguments: "",
        summary: "print who owns what, what is in use, and what is stale, for Prometheus",
        about: "Prints Prometheus' text format: the owner of every NVMe-oF controller (empty: none; ?: unreadable), whether it\n\
                is in use, and how many are in use without an owner, have a stale entry, or left something over.",
        options: &[],
        example: "nvme-registry metrics | promtool check metrics",
        parse: parsers::metrics,
    },
    Command {
        name: "doctor",
        arguments: "",
        summary: "check that the registry works on this host, and say what to do",
        about: "Prints one line for each check: ok, warn or fail, what was found, and what to do about it. Exits 0 if all are\n\
                ok. It runs no other program and changes nothing.",
        options: &[JSON, OUTPUT_FORMAT],
        example: "nvme-registry doctor || echo 'see above'",
        parse: parsers::doctor,
    },
    Command {
        name: "help",
        arguments: "[COMMAND]",
        summary: "explain the program, or one command",
        about: "The same as 'nvme-registry -h' and 'nvme-registry COMMAND -h'.",
        options: &[],
        example: "nvme-registry help disconnect",
        parse: help,
    },
];

/// The command that a word names.
pub(super) fn named(arguments: &Arguments, word: &OsStr) -> Result<&'static Command, Error> {
    word.to_str().and_then(command).ok_or_else(|| {
        let near = Suggestion::of(&word.to_string_lossy(), COMMANDS.iter().map(|command| command.name));
        arguments.usage(format_args!("unknown command '{}'{near}", Escaped(word.as_bytes())))
    })
}

fn help(arguments: &Arguments) -> Result<Request, Error> {
    match arguments.positional.as_slice() {
        [] => Ok(Request::Help(None)),
        [word] => Ok(Request::Help(Some(named(arguments, word)?.name))),
        _ => Err(arguments.usage(format_args!("one command is meant, {} are given", arguments.positional.len()))),
    }
}

/// The command of this name.
pub fn command(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}
