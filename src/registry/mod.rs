//! The registry: `/run/nvme/registry/`, one directory per controller, one file per attribute. **This is the protocol.**
//!
//! Several programs write the registry at the same time: this one, run by udev, by scripts and by people, and libnvme. There
//! are no locks: a lock held by a stopped process would stall udev, and libnvme would not take it. Every step is one atomic
//! system call, or goes through the descriptor of a directory. After [`Registry::open`] no absolute path is built again, no
//! open follows a link, and none blocks.
//!
//! # Words
//!
//! An *entry* is a directory `nvmeN`. An *attribute* is a file in it. The *incarnation* of a controller is the inode number of
//! its sysfs directory, which is unique within one boot (like a block device's diskseq). The *stamp* is
//! `/sys/kernel/uevent_seqnum` as read after connect. `owner`, `seqnum` (the stamp) and `incarnation` are write-once within an
//! entry: an attribute that is absent can get a value, and never another one. So an entry's directory belongs
//! to at most one owner of one incarnation. Other attributes are *private*.
//!
//! # What must always hold
//!
//! * **S1** An event, or a command that was given for another controller, never removes any part of the entry of a controller
//!   that is there.
//! * **S2** Of concurrent claims of one controller exactly one succeeds.
//! * **S3** A reader sees an owner that was written, whole, or none. It never sees the owner of an earlier controller in an
//!   entry that has an incarnation.
//! * **L1** When the `remove` event of a controller was handled and no writer is at work, no entry of it remains. The exception
//!   is an entry with neither stamp nor incarnation whose name is in use again: it is kept in doubt.
//! * **P1** A private attribute of a controller that is there, which was stored or whose `update` answered success, is there in
//!   the end, unless a `delete` or a `release` took it: through any number of claims, registrations, failures and kills, and
//!   beside libnvme's `update`.
//! * **K1** A process that is killed at any point, or a system call that fails, keeps S1 to S3 and P1, and `sweep` restores the
//!   rest. A command that fails has changed nothing that it was not asked to change.
//! * **U1** No command takes away the last usable path to a disk in use, unless it is told to. See [`crate::guard`].
//!
//! # Reading ([`look`])
//!
//! The entry is read first, through its descriptor: the incarnation first, the owner last. Only then the device is sampled:
//! what the entry describes existed before the sample. A removal unlinks the owner first and the incarnation last, so reading
//! both proves that nothing had been unlinked when the incarnation was read. "No owner" is an answer only if the entry that was
//! read is still the one under the name; otherwise it is read again. The verdict is a pure function, [`crate::verdict::judge`]:
//!
//! | row | condition | verdict |
//! |---|---|---|
//! | 1 | no node and no sysfs directory | stale: the controller is gone |
//! | 2 | a real `remove` event newer than the stamp (or no stamp, and sysfs is still there), and no node | stale: the controller is gone |
//! | 3 | both incarnations are known, and differ | stale: the name was reused |
//! | 4 | both incarnations are known, and are equal | current |
//! | 5 | a stamp, and a real `add` or `remove` event with a greater number | stale: the entry is older than the event |
//! | 6 | anything else | kept: current if the order of events proves it, otherwise unverified |
//!
//! An event is *real* if it has a valid `SEQNUM` and no `SYNTH_UUID`. Row 5 is right even where the node exists: the kernel
//! numbers `add` before the stamp is taken, and `remove` after that. Doubt keeps an entry; it never removes one.
//!
//! # Publishing (`publish.rs`)
//!
//! An entry is built under a hidden name and renamed to `nvmeN` by `renameat2(RENAME_NOREPLACE)`. Then the controller is
//! verified: its node, **then** its incarnation. If it is gone, the entry is removed. The kernel takes the node away, then
//! numbers the `remove` event, then takes the sysfs directory away. So a node that is seen before the same incarnation
//! proves that the event was not numbered when the entry was already public: the handler of the event will find the entry.
//!
//! # Claiming ([`own`])
//!
//! An entry without an owner is adopted in place: a missing `incarnation` and `seqnum` and then the `owner` are *placed*. To
//! place one is to write a finished hidden file, and to rename it into the entry by `RENAME_NOREPLACE`. EEXIST means that
//! another process was first. Afterwards the name must still refer to the same directory, without the mark below; otherwise
//! the claim looks again. So a claim never moves or removes anything of an entry that is not stale. A claim that fails may
//! have tied the entry to its controller. (If a file without a value is in the way of the owner or the incarnation, nothing
//! can be placed, and the entry is replaced.) `register` does the same, unless the entry has another owner.
//!
//! # Removing ([`retire`])
//!
//! 1. Open the directory, and judge what was opened. A stale entry without an incarnation first gets the incarnation 0, so
//!    that no claim can adopt it any more. (EEXIST: one has, so judge again.)
//! 2. *Mark* it: `fchmod` 01755, the sticky bit. This is the decision. It is final: a marked entry is stale for every event
//!    and every writer. A writer looks at name, inode and mark after its write. If they are not what they were, it writes again,
//!    to the entry that is there then. (A reader that read incarnation and owner does not look at the mark: that saves two
//!    calls, and its answer was true when the mark was set.)
//! 3. Unlink its files through the descriptor, the owner first, the stamp and the incarnation last.
//! 4. `rmdir` the name. ENOTEMPTY, and still this directory: a writer was late, so unlink again. Another directory: it
//!    survives.
//!
//! # Replacing and handing over (`publish.rs`, `handover.rs`)
//!
//! `register` over an entry with another owner exchanges the two (`RENAME_EXCHANGE`), so the controller never looks unowned.
//! An entry of the same incarnation is exchanged without another look at its name and its controller: both are looked at
//! after the exchange, which shows the mark of the old entry and the loss of the controller in any case. The new entry
//! carries a *marker*, an empty file `prior.tmp.XXXXXX`, whose last part is that of the hidden name where the old entry lies
//! now. As long as the marker is there, private attributes of the old entry are due to the new one, and readers of this
//! program look behind it. Any process may hand them over: first what is due to the old entry, then its owner is unlinked (so
//! that a reader who holds it reads again), then each attribute is renamed by `RENAME_NOREPLACE`, which keeps newer ones;
//! then the marker is removed, and then the old entry.
//!
//! A `register` can sleep while its controller goes and the next one is registered. Its exchange then brings a live entry
//! out, and its verification fails, so it exchanges that entry back. Until then every look at the stale entry looks behind
//! its marker. `sweep` does the same after a kill.
//!
//! # Leftovers ([`sweep`])
//!
//! Hidden names (`.nvmeN.tmp.XXXXXX`), libnvme's `.trash.XXXXXX`, and temporary files in entries are leftovers when they
//! are older than a minute. A hidden directory is first renamed to the same name with `~`, so that a writer who was only
//! asleep finds it gone as a whole; then what is due from it is handed over; then it is removed.
//!
//! # Known limits
//!
//! * libnvme rewriting `owner` in place, in an entry that is being released or removed, loses that write.
//! * libnvme writing an entry for a controller that has just gone leaves it until the next event of that name, or a `sweep`.
//! * An entry with neither stamp nor incarnation (libnvme's `registry update`) whose name is reused is kept, in doubt. One
//!   that libnvme makes for the next controller can be tied to the one before it by a command that slept in between; it is
//!   removed then.
//! * `delete -a owner`, and a claim of an entry with an empty `owner` file, replace an entry and put it back if it was not
//!   the one that they looked at. A `sweep` or a `delete -a` in between can hand over and remove the owner of that one.
//! * A private attribute named `prior` has temporary files that look like a marker.
//! * An owner that is registered after `disconnect` has looked for the last time, right before its write, is not seen.
//! * libnvme before 2026-08-28 removes the owner when a connected controller is connected again.
//!
//! # The files
//!
//! `names.rs` (hidden and temporary names), `attribute.rs` (one file), `store.rs` (the registry's directory),
//! `directory.rs` (one directory: its listing, its name, its mark, its removal), [`entry`] (reading in order; knows no
//! kernel), [`ahead`] (many at once), `handover.rs`, [`look`], [`retire`], `publish.rs`, [`own`], `update.rs`, [`sweep`].
//! Each imports only those before it.

pub mod ahead;
mod attribute;
mod directory;
pub mod entry;
mod handover;
pub mod look;
mod names;
pub mod own;
mod publish;
pub mod retire;
mod store;
pub mod sweep;
mod update;

pub use directory::Retired;
pub use publish::Replaced;
pub use store::{Incident, Registry};
