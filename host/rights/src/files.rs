//! Landlock: files by what they are kept for, and TCP.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
    make_bitflags,
};

use crate::dropped::Landlock;
use crate::error::RightsError;
use crate::keep::{Access, Keep};

/// The newest version whose rights are handled here. What a kernel does not know of it is left out, and told.
const NEWEST: ABI = ABI::V6;

/// Leaves this thread the places of `keep` and nothing else.
pub(crate) fn restrict(keep: &Keep) -> Result<Landlock, RightsError> {
    let mut tcp = BitFlags::from(AccessNet::BindTcp);
    if !keep.connects {
        tcp |= AccessNet::ConnectTcp;
    }
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(tcp)?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    for (path, access) in &keep.places {
        // A place that is not there cannot be kept, and what needs it says so better than this could.
        let Ok(place) = PathFd::new(path) else { continue };
        let rights = match path.is_dir() {
            true => rights(*access),
            false => rights(*access) & AccessFs::from_file(NEWEST),
        };
        ruleset = ruleset.add_rule(PathBeneath::new(place, rights))?;
    }
    let status = ruleset.restrict_self()?;
    Ok(match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, LandlockStatus::NotEnabled) => Landlock::None("switched off"),
        (_, LandlockStatus::Available { effective_abi, .. }) => Landlock::Of {
            tcp: effective_abi >= ABI::V4,
            connects: keep.connects,
            scope: effective_abi >= ABI::V6,
        },
        _ => Landlock::None("not in this kernel"),
    })
}

fn rights(access: Access) -> BitFlags<AccessFs> {
    let list = BitFlags::from(AccessFs::ReadDir);
    let read = list | AccessFs::ReadFile;
    let write = read | make_bitflags!(AccessFs::{WriteFile | Truncate});
    let make = write | AccessFs::MakeReg;
    match access {
        Access::List => list,
        Access::Read => read,
        Access::Run => read | AccessFs::Execute,
        Access::Write => write,
        Access::Make => make,
        Access::Own => make | make_bitflags!(AccessFs::{MakeDir | RemoveFile | RemoveDir | Refer}),
    }
}
