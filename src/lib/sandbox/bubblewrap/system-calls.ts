/**
 * System calls by what a sandbox's filter does with them. Numbers are those of the kernel's tables
 * (arch/x86/entry/syscalls/syscall_64.tbl and, for arm64, scripts/syscall.tbl), read up to Linux 7.0.
 */

/** The number of a call on each architecture; where it is missing, the architecture has no such call. */
export interface CallNumber {
  x64?: number;
  arm64?: number;
}

/** Calls that no program needs for its work and that widen what a sandboxed one can reach. */
export const REFUSED: Readonly<Record<string, CallNumber>> = {
  ptrace: { x64: 101, arm64: 117 },
  process_vm_readv: { x64: 310, arm64: 270 },
  process_vm_writev: { x64: 311, arm64: 271 },
  kcmp: { x64: 312, arm64: 272 },
  add_key: { x64: 248, arm64: 217 },
  request_key: { x64: 249, arm64: 218 },
  keyctl: { x64: 250, arm64: 219 },
  userfaultfd: { x64: 323, arm64: 282 },
  bpf: { x64: 321, arm64: 280 },
  perf_event_open: { x64: 298, arm64: 241 },
  syslog: { x64: 103, arm64: 116 },
  name_to_handle_at: { x64: 303, arm64: 264 },
  open_by_handle_at: { x64: 304, arm64: 265 },
  unshare: { x64: 272, arm64: 97 },
  setns: { x64: 308, arm64: 268 },
  chroot: { x64: 161, arm64: 51 },
  pivot_root: { x64: 155, arm64: 41 },
  mount: { x64: 165, arm64: 40 },
  umount2: { x64: 166, arm64: 39 },
  swapon: { x64: 167, arm64: 224 },
  swapoff: { x64: 168, arm64: 225 },
  reboot: { x64: 169, arm64: 142 },
  kexec_load: { x64: 246, arm64: 104 },
  kexec_file_load: { x64: 320, arm64: 294 },
  init_module: { x64: 175, arm64: 105 },
  finit_module: { x64: 313, arm64: 273 },
  delete_module: { x64: 176, arm64: 106 },
  iopl: { x64: 172 },
  ioperm: { x64: 173 },
  modify_ldt: { x64: 154 },
  uselib: { x64: 134 },
  // Until Linux 5.4 it wrote settings of the kernel although /proc/sys is mounted read-only.
  _sysctl: { x64: 156 },
  acct: { x64: 163, arm64: 89 },
  quotactl: { x64: 179, arm64: 60 },
  lookup_dcookie: { x64: 212, arm64: 18 },
  settimeofday: { x64: 164, arm64: 170 },
  clock_settime: { x64: 227, arm64: 112 },
  clock_adjtime: { x64: 305, arm64: 266 },
  adjtimex: { x64: 159, arm64: 171 },
};

/** The last call of each architecture's own numbering. From 424 on all architectures share one. */
export const LAST_OWN_NUMBER = { x64: 336, arm64: 294 } as const;
export const FIRST_SHARED_NUMBER = 424;

/**
 * What happens to a call. `unknown` looks as if the kernel didn't have it: libraries try such calls first and go on
 * without them.
 */
type Answer = "allow" | "refuse" | "unknown";

/**
 * Every call of the shared numbers, in their order from {@link FIRST_SHARED_NUMBER} on, and why it may stay or not. Calls
 * that are not listed, because they are newer than this table, are unknown to a sandboxed program.
 */
export const SHARED_CALLS: readonly (readonly [name: string, answer: Answer, reason: string])[] = [
  ["pidfd_send_signal", "allow", "reaches what kill reaches"],
  ["io_uring_setup", "unknown", "makes calls that no filter sees"],
  ["io_uring_enter", "unknown", "makes calls that no filter sees"],
  ["io_uring_register", "unknown", "makes calls that no filter sees"],
  ["open_tree", "refuse", "mounts"],
  ["move_mount", "refuse", "mounts"],
  ["fsopen", "refuse", "mounts"],
  ["fsconfig", "refuse", "mounts"],
  ["fsmount", "refuse", "mounts"],
  ["fspick", "refuse", "mounts"],
  [
    "pidfd_open",
    "allow",
    "names a process that it can see; what it gives of it is refused (setns, pidfd_getfd)",
  ],
  ["clone3", "unknown", "its namespace flags are in memory, which a filter can't read"],
  ["close_range", "allow", "closes its own descriptors"],
  ["openat2", "unknown", "the mode of the file that it makes is in memory, which a filter can't read"],
  ["pidfd_getfd", "refuse", "takes descriptors from other processes"],
  ["faccessat2", "allow", "asks for permissions"],
  ["process_madvise", "allow", "needs the right to trace the process"],
  ["epoll_pwait2", "allow", "waits"],
  ["mount_setattr", "refuse", "mounts"],
  ["quotactl_fd", "refuse", "sets quotas"],
  ["landlock_create_ruleset", "allow", "restricts its caller, and no one else"],
  ["landlock_add_rule", "allow", "restricts its caller, and no one else"],
  ["landlock_restrict_self", "allow", "restricts its caller, and no one else"],
  ["memfd_secret", "allow", "memory of its own, within the limit of locked memory"],
  ["process_mrelease", "allow", "frees memory of a process that is ending already"],
  ["futex_waitv", "allow", "waits"],
  ["set_mempolicy_home_node", "allow", "where its own memory lies"],
  ["cachestat", "allow", "tells of a file that it has open what mincore tells"],
  ["fchmodat2", "allow", "sets modes, as far as the filter lets it"],
  ["map_shadow_stack", "allow", "memory of its own"],
  ["futex_wake", "allow", "wakes who waits on memory that both have"],
  ["futex_wait", "allow", "waits"],
  ["futex_requeue", "allow", "wakes who waits on memory that both have"],
  ["statmount", "allow", "tells what /proc/self/mountinfo tells"],
  ["listmount", "allow", "tells what /proc/self/mountinfo tells"],
  ["lsm_get_self_attr", "allow", "tells what /proc/self/attr tells"],
  [
    "lsm_set_self_attr",
    "allow",
    "does what writing /proc/self/attr does: under no_new_privs it only restricts",
  ],
  ["lsm_list_modules", "allow", "names the kernel's security modules"],
  ["mseal", "allow", "restricts its own memory"],
  ["setxattrat", "allow", "does what setxattr does: file capabilities need a capability"],
  ["getxattrat", "allow", "does what getxattr does"],
  ["listxattrat", "allow", "does what listxattr does"],
  ["removexattrat", "allow", "does what removexattr does"],
  ["open_tree_attr", "refuse", "mounts"],
  ["file_getattr", "allow", "does what ioctl does for the flags of a file"],
  [
    "file_setattr",
    "allow",
    "does what ioctl does for the flags of a file: those that hold need a capability",
  ],
  ["listns", "unknown", "finds namespaces; nothing but tools for administrators uses it"],
  ["rseq_slice_yield", "allow", "gives up its own time"],
];

/** A call that sets the mode of a file, and which of its arguments says so. */
export interface ModeCall extends CallNumber {
  mode: number;
  /** The argument that says whether a file is made at all. Without it the mode always counts. */
  flags?: number;
}

/**
 * All calls that can set the setuid and setgid bits of a file. `mkdir` can't: the kernel takes only permissions and the
 * sticky bit of it (vfs_mkdir). `openat2` and io_uring, whose modes can't be seen, are unknown to a sandboxed program.
 * The first is by far the most frequent.
 */
export const MODE_CALLS: Readonly<Record<string, ModeCall>> = {
  openat: { x64: 257, arm64: 56, flags: 2, mode: 3 },
  open: { x64: 2, flags: 1, mode: 2 },
  creat: { x64: 85, mode: 1 },
  chmod: { x64: 90, mode: 1 },
  fchmod: { x64: 91, arm64: 52, mode: 1 },
  fchmodat: { x64: 268, arm64: 53, mode: 2 },
  fchmodat2: { x64: 452, arm64: 452, mode: 2 },
  mknod: { x64: 133, mode: 1 },
  mknodat: { x64: 259, arm64: 33, mode: 2 },
};
