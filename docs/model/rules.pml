/*
 * The rules of the protocol, one block a rule: the rule as ha.pml uses it, and under its name a mutant that breaks it.
 * check.sh demands that the checker refutes every mutant. One at a time is built in, with -D on spin's command line.
 */

/* Every wait for another's permit outlasts it by what two clocks may differ. */
#ifdef NO_DRIFT
#define OUTLAST(d) (d)
#else
#define OUTLAST(d) ((d) + 1)
#endif

/* An acknowledgement promises not to become active for as long as the heartbeat's grant. */
#ifdef HALF_GRANT
#define PROMISED(grant) OUTLAST((grant) / 2)
#else
#define PROMISED(grant) OUTLAST(grant)
#endif

/* A heartbeat requests no longer grant than the duration in the Lease. A restarted unit knows nothing of the grants of its
 * former life, and waits for that duration alone. A successor that has not written it finds its giver's duration there. */
#if defined(ASKS_FOR_ITS_OWN) || LP == LS
#define ASKED(u) GRANT(u)
#else
#define ASKED(u) MIN(GRANT(u), LEASE(writer))
#endif

/* Acknowledges who waits, holds nothing, and has no write under way that could make it the holder; and not a heartbeat of
 * a term below the highest it knows. What it promises is noted first, and waited for should a write have happened whose
 * answer was lost. */
#define HOLDS_NOTHING(u) (x[u].phase == Waits || (x[u].phase == Releases && x[u].fresh && holder != u))
#define SETTLED(u) (idle(u) && x[u].lost == 0)
#if defined(ACK_AFTER_CAS) /* and waits only for what it had promised when the write was sent */
#define ACKNOWLEDGES(u) ((HOLDS_NOTHING(u) || x[u].phase == Inherits) && !x[other(u)].outrun)
#define NOTES(u) (HOLDS_NOTHING(u) && SETTLED(u))
#elif defined(ACK_UNDER_WAY)
#define ACKNOWLEDGES(u) (HOLDS_NOTHING(u) && !x[other(u)].outrun)
#define NOTES(u) true
#elif defined(NO_TERM_CHECK)
#define ACKNOWLEDGES(u) (HOLDS_NOTHING(u) && idle(u))
#define NOTES(u) true
#elif defined(SULKS)
#define ACKNOWLEDGES(u) (HOLDS_NOTHING(u) && SETTLED(u) && !x[other(u)].outrun)
#define NOTES(u) true
#else
#define ACKNOWLEDGES(u) (HOLDS_NOTHING(u) && idle(u) && !x[other(u)].outrun)
#define NOTES(u) true
#endif

/* Who took the Lease on direct evidence waits until its own promises are over. */
#ifdef NO_WAIT
#define INHERITS(u) true
#else
#define INHERITS(u) (x[u].promise == 0)
#endif

/* Who was handed the Lease by a giver that was solo, and has no grant, waits until the giver's lease is over. */
#ifdef NO_HEIR_WAIT
#define EXPECTS(u) (x[u].promise == 0)
#else
#define EXPECTS(u) (x[u].unseen == 0)
#endif

/* A write names the version that it replaces. */
#ifdef NO_CAS_VERSION
#define STANDS(u) true
#define VOID(u) skip
#else
#define STANDS(u) x[u].fresh
#define VOID(u) x[u].orphans = 0; if :: !idle(u) -> x[u].call = None; x[u].credit = 0 :: else fi
#endif

/* A right is given up before it is given away. */
#ifdef NO_SHORTEN
#define SHORTEN(u) skip
#else
#define SHORTEN(u) x[u].gate = MIN(x[u].gate, x[u].peer)
#endif

/* A write whose answer is lost counts as one that may have happened, or may happen yet. */
#ifdef LOST_ANSWER_TRUSTED
#define LOSE(u, what) x[u].mode = (what == ToSolo -> Solo : x[u].mode); \
	x[u].witness = (what == ToSolo -> LEASE(u) : x[u].witness); x[u].lost = x[u].lost | BIT(what)
#define UNSETTLED(u, what) false
#else
#define LOSE(u, what) x[u].lost = x[u].lost | BIT(what)
/* All of them count, not the newest alone. */
#ifdef NEWEST_ALONE
#define UNSETTLED(u, what) (idle(u) -> has(x[u].lost, what) : x[u].call == what)
#else
#define UNSETTLED(u, what) (has(x[u].lost, what) || x[u].call == what)
#endif
#endif

/* The deadline is absolute: between its computation and its writing it comes nearer. */
#ifdef RELATIVE_TIMER
#define PAUSED_WRITE(u) skip
#else
#define PAUSED_WRITE(u) PASS(x[u].write)
#endif

/* The grant of a handover is sent when the gate is closed. */
#ifdef GRANT_BEFORE_CLOSE
#define GRANT_EARLY true
#else
#define GRANT_EARLY false
#endif

/* A successor's first permit lasts for the duration in the record. It counts from when the successor sent the
 * acknowledgement that the giver had when it decided, which was before the handover. If a heartbeat arrived twice, the
 * first acknowledgement counts. The permit is no longer than the successor's own duration, which it is about to write. */
#if defined(FIRST_OF_OWN_DURATION)
#define FIRST(giver) LEASE(other(giver))
#elif defined(FIRST_OF_THE_GIVERS_DURATION)
#define FIRST(giver) LEASE(giver)
#else
#define FIRST(giver) MIN(LEASE(giver), LEASE(other(giver)))
#endif
#ifdef FIRST_FROM_GRANT
#define FIRST_PERMIT(u) LEASE(other(u))
#else
#define FIRST_PERMIT(u) x[u].first
#endif
#ifdef FIRST_NOTED_ANEW
#define NOTED_ANEW(u) (x[u].first > 0 && x[u].phase == Waits && SETTLED(u))
#else
#define NOTED_ANEW(u) false
#endif

/* What a write earns counts from when it was sent. */
#ifdef WITNESS_FROM_ANSWER
#define EARNED(u) LEASE(u)
#else
#define EARNED(u) x[u].credit
#endif

/* A record's duration is that of its writer. A holder that is not past the fence does not hide a longer one before it. */
#ifdef DURATION_HIDDEN
#define KEEPS_DURATION(u, what) false
#else
#define KEEPS_DURATION(u, what) \
	((what == Take || (what == Refresh && !serves(u))) && LEASE(writer) > LEASE(u))
#endif

/* A unit that failed to take the Lease reads it, and acknowledges whether it could or not. */
#ifdef SULKS
#define RECOVERS(u) (x[u].phase != Waits || x[u].lost == 0)
#else
#define RECOVERS(u) true
#endif

/* Identity is an incarnation: a process that was restarted is neither the holder nor the standby that the Lease names. */
#ifdef NO_INCARNATION
#define INCARNATION false
#else
#define INCARNATION true
#endif

/* A holder learns of its own tenure by the answers to its requests alone: the watch may be behind them. */
#ifdef STALE_WATCH
#define STALE(u) (serves(u) && x[u].mode == Paired && ready(u))
#else
#define STALE(u) false
#endif
