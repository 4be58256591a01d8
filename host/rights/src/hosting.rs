//! A process that hosts: files and servers that it names itself, and one program.

use rustix::thread::set_no_new_privs;

use crate::dropped::Dropped;
use crate::error::RightsError;
use crate::filter::{self, Answer, Calls, Condition};
use crate::keep::{Keep, OwnProgram};
use crate::{files, single};

/// What no host of messages has a use for. A list of what is refused, not of what is allowed: what a database, a
/// TLS library and a runtime call between them changes with each version of theirs, and a host that fails years
/// later in a rare case, with an error that nobody understands, is no safer.
const REFUSED: &[i64] = &[
    // Other processes: their memory, their descriptors.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Mounts and namespaces: another view of the files than the one that was restricted.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // The kernel itself.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_quotactl,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_fanotify_init,
    libc::SYS_vhangup,
    libc::SYS_personality,
    // Keys, clocks and names of the machine.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // Other users and privileges.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_capset,
    libc::SYS_mknodat,
    // Nobody connects to a host.
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Programs by their path.
    libc::SYS_execve,
];

/// The same, where the processor has it.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] =
    &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt, libc::SYS_mknod, libc::SYS_uselib];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

/// Namespaces that a new process could begin.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Takes everything from this process that is not in `keep`. Call it before the first thread; fails if there are
/// others. Where the kernel lacks something, the rest is dropped, and the answer says what is not.
pub fn drop_others(keep: &Keep) -> Result<Dropped, RightsError> {
    single::check()?;
    set_no_new_privs(true)?;
    let seccomp = filter::is_there();
    let landlock = files::restrict(keep)?;
    if seccomp {
        filter::refuse_other_conventions()?;
        // Its flags lie in memory, where no filter sees them: the C library then takes the older call.
        filter::apply(filter::always(&[libc::SYS_clone3]), Answer::Fail(libc::ENOSYS), Answer::Allow)?;
        filter::apply(refused(keep)?, Answer::Fail(libc::EPERM), Answer::Allow)?;
    }
    Ok(Dropped { landlock, seccomp })
}

fn refused(keep: &Keep) -> Result<Calls, RightsError> {
    let mut calls = filter::always(REFUSED);
    calls.extend(filter::always(REFUSED_HERE));
    let namespace = |flag: &i32| filter::all(&[Condition::Bits(0, flag.unsigned_abs(), flag.unsigned_abs())]);
    calls.insert(libc::SYS_clone, NAMESPACES.iter().map(namespace).collect::<Result<_, _>>()?);
    calls.insert(libc::SYS_execveat, other_programs(keep.program)?);
    calls.insert(libc::SYS_socket, sockets(keep.connects)?);
    Ok(calls)
}

/// Every way to run a program but the one. The path's place is compared, too: with an absolute path the
/// descriptor would not matter.
fn other_programs(own: Option<OwnProgram>) -> Result<Vec<seccompiler::SeccompRule>, RightsError> {
    let Some(OwnProgram { descriptor, empty_path }) = own else { return Ok(Vec::new()) };
    let place = empty_path.as_ptr() as usize as u64;
    Ok(vec![
        filter::all(&[Condition::Not(0, descriptor.unsigned_abs())])?,
        filter::all(&[Condition::NotAt(1, place)])?,
        filter::all(&[Condition::Not(4, libc::AT_EMPTY_PATH.unsigned_abs())])?,
    ])
}

/// No sockets where there is nobody to talk to; else those of the internet, of this machine, and what tells the C
/// library which addresses there are.
fn sockets(connects: bool) -> Result<Vec<seccompiler::SeccompRule>, RightsError> {
    if !connects {
        return Ok(Vec::new());
    }
    let [inet, inet6, unix, netlink] =
        [libc::AF_INET, libc::AF_INET6, libc::AF_UNIX, libc::AF_NETLINK].map(i32::unsigned_abs);
    let not = |family| Condition::Not(0, family);
    const TYPE: u32 = 0xf;
    let raw = |family| {
        let raw = Condition::Bits(1, TYPE, libc::SOCK_RAW.unsigned_abs());
        filter::all(&[Condition::Bits(0, u32::MAX, family), raw])
    };
    Ok(vec![filter::all(&[not(inet), not(inet6), not(unix), not(netlink)])?, raw(inet)?, raw(inet6)?])
}
