//! A process that computes: bytes in, bytes out, nothing else.

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::set_no_new_privs;

use crate::dropped::Dropped;
use crate::error::RightsError;
use crate::files;
use crate::filter::{self, Answer, Condition};
use crate::keep::Keep;

/// What such a process calls: memory, threads of its own, clocks, random numbers, and the pipes that are open.
const ALLOWED: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Takes everything from this process but computing: no file, no network, no program, no signal to others, no
/// memory that is both made and run. What is open stays open. For the very start of a process: threads that exist
/// already keep what they have.
pub fn drop_all() -> Result<Dropped, RightsError> {
    // Nobody of the same user reads its memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_no_new_privs(true)?;
    let landlock = files::restrict(&Keep::default())?;
    let seccomp = filter::is_there();
    if seccomp {
        restrict_calls()?;
    }
    Ok(Dropped { landlock, seccomp })
}

fn restrict_calls() -> Result<(), RightsError> {
    const EXEC: u32 = libc::PROT_EXEC.unsigned_abs();
    const THREAD: u32 = libc::CLONE_THREAD.unsigned_abs();
    let mut calls = filter::always(ALLOWED);
    let not_run = || filter::all(&[Condition::Bits(2, EXEC, 0)]);
    calls.insert(libc::SYS_mmap, vec![not_run()?]);
    calls.insert(libc::SYS_mprotect, vec![not_run()?]);
    calls.insert(libc::SYS_clone, vec![filter::all(&[Condition::Bits(0, THREAD, THREAD)])?]);
    // Names of threads and of memory.
    let name = |what: i32| filter::all(&[Condition::Bits(0, u32::MAX, what.unsigned_abs())]);
    calls.insert(libc::SYS_prctl, vec![name(libc::PR_SET_NAME)?, name(libc::PR_SET_VMA)?]);
    // Its flags lie in memory, where no filter sees them: the C library then takes the older call.
    let mut no_such_call = filter::always(&[libc::SYS_clone3]);
    filter::apply(std::mem::take(&mut no_such_call), Answer::Fail(libc::ENOSYS), Answer::Allow)?;
    calls.insert(libc::SYS_clone3, Vec::new());
    filter::apply(calls, Answer::Allow, Answer::Fail(libc::EPERM))
}
