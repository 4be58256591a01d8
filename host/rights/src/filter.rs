//! Seccomp filters: made, and put in force.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use crate::error::RightsError;

/// System calls, each with the rules of which one has to match; without rules it matches always.
pub(crate) type Calls = BTreeMap<i64, Vec<SeccompRule>>;

/// What becomes of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    Allow,
    Fail(i32),
}

impl From<Answer> for SeccompAction {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Allow => Self::Allow,
            Answer::Fail(errno) => Self::Errno(errno.unsigned_abs()),
        }
    }
}

/// Whether the kernel has seccomp filters.
#[expect(unsafe_code, reason = "no crate that is used here asks")]
pub(crate) fn is_there() -> bool {
    let action = libc::SECCOMP_RET_ERRNO;
    // SAFETY: the kernel reads four bytes from the pointer, which is to a variable of that size, and keeps nothing.
    unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) == 0 }
}

/// Puts a filter in force, for this thread and all that it begins.
pub(crate) fn apply(calls: Calls, matching: Answer, others: Answer) -> Result<(), RightsError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(calls, others.into(), matching.into(), arch)?;
    let program: BpfProgram = filter.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}

/// `calls` of which none depends on its arguments.
pub(crate) fn always(calls: &[i64]) -> Calls {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

/// All of these conditions.
pub(crate) fn all(conditions: &[Condition]) -> Result<SeccompRule, RightsError> {
    let conditions = conditions.iter().map(Condition::made).collect::<Result<_, _>>()?;
    Ok(SeccompRule::new(conditions)?)
}

/// Something about an argument of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Condition {
    /// 32 bits of it are not this.
    Not(u8, u32),
    /// It is not this pointer.
    NotAt(u8, u64),
    /// Of its 32 bits, those of the mask are this.
    Bits(u8, u32, u32),
}

impl Condition {
    fn made(&self) -> Result<SeccompCondition, RightsError> {
        let (index, length, operator, value) = match *self {
            Self::Not(index, value) => (index, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value.into()),
            Self::NotAt(index, value) => (index, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, value),
            Self::Bits(index, mask, value) => {
                (index, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask.into()), value.into())
            }
        };
        Ok(SeccompCondition::new(index, length, operator, value)?)
    }
}

/// Has calls of another calling convention of the same processor fail: they have numbers of their own, which a
/// list of what is refused does not name.
pub(crate) fn refuse_other_conventions() -> Result<(), RightsError> {
    #[cfg(target_arch = "x86_64")]
    {
        // x32: the numbers of x86_64 and some more, with this bit.
        const X32: u32 = 0x4000_0000;
        let step = |code: u32, k: u32, jump: (u8, u8)| seccompiler::sock_filter {
            code: code as u16,
            jt: jump.0,
            jf: jump.1,
            k,
        };
        let refuse = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs();
        seccompiler::apply_filter(&[
            step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, (0, 0)),
            step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, X32, (0, 1)),
            step(libc::BPF_RET | libc::BPF_K, refuse, (0, 0)),
            step(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, (0, 0)),
        ])?;
    }
    Ok(())
}
