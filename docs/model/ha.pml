/*
 * The HA protocol of a pair: two units, the Lease, the network and time, small enough to look at every state there is.
 * README.md says what stands for what, what was left out and why that is allowed. check.sh runs it.
 *
 * Nothing here grows without end, and so faults need no bound:
 *   - An instant is what is left until it comes, counted down on the clock of the unit that knows it.
 *   - A version of the Lease is the current one or not: `fresh` says that a unit knows the current one.
 *   - An incarnation is its unit's living one, or a dead one.
 *   - Terms are compared only between the Lease and a holder that missed its own end: `tenure`, `outrun`.
 *   - A message stays in the network for as long as it can do harm. Taken never, late, twice or out of order, it was
 *     lost, delayed, duplicated or reordered.
 * Each transition is one d_step: the other unit, the API server and time may act between any two, which are the pauses.
 */

/* Grants and lease durations of the primary (0) and the secondary (1), in ticks: at most 3 and 6. */
#ifndef GP
#define GP 2
#endif
#ifndef GS
#define GS GP
#endif
#ifndef LP
#define LP 3
#endif
#ifndef LS
#define LS LP
#endif
/* How many writes of the Lease may at one time be without an answer and yet to happen, besides those under way. */
#ifndef LATE
#define LATE 1
#endif

#define GRANT(u)   ((u) == 0 -> GP : GS)
#define LEASE(u)   ((u) == 0 -> LP : LS)
#define MIN(a, b)  ((a) < (b) -> (a) : (b))
#define MAX(a, b)  ((a) > (b) -> (a) : (b))
#define other(u)   (1 - (u))

/* Phases. Inherits and Expects hold the Lease and wait for the end of another's permit: by their own promise, or by the
 * giver's lease. */
#define Down     0
#define Starts   1
#define Waits    2
#define Inherits 3
#define Expects  4
#define Serves   5
#define Closes   6
#define Releases 7

/* Holders: the living units 0 and 1, and */
#define DEAD(u)  (2 + (u))
#define NOBODY   4 /* released by a giver that forwards no more */
#define NEVER    5 /* nobody ever held it */

/* Records: the standby that the Lease names. The first three are also what a holder knows of its own record. */
#define Solo       0
#define Paired     1 /* the other unit, as standby */
#define PairedDead 2 /* a dead incarnation of it */
#define HandedP    3 /* the other unit, as a giver that was paired with the holder */
#define HandedS    4 /* as a giver that was solo */
#define Freed      5 /* nobody; the record that was replaced had no holder */

/* Writes of the Lease. */
#define None         0
#define ToSolo       1
#define ToPair       2
#define ToPairDead   3 /* with an incarnation that has died since */
#define HandOver     4
#define HandOverDead 5
#define Take         6
#define Release      7
#define Refresh      8
#define Refreshed    9 /* it has happened, the answer has not come */
/* Sets of all but the last, which changes nothing when it is late. */
#define BIT(what)      (1 << ((what) - 1))
#define has(set, what) (((set) >> ((what) - 1)) & 1)
#define size(set) \
	(has(set, 1) + has(set, 2) + has(set, 3) + has(set, 4) + has(set, 5) + has(set, 6) + has(set, 7))

typedef Unit {
	/* The host: until when the gate is open, and the deadline that was computed but is not yet in the kernel. */
	unsigned gate : 3;
	unsigned write : 3;
	unsigned relic : 3;    /* until when the gate of an earlier life is open, on a host that the unit has left */
	/* The process. */
	unsigned phase : 3;
	unsigned mode : 2;     /* the record, as the holder knows it */
	unsigned fresh : 1;    /* what it knows is the Lease's version */
	unsigned tenure : 1;   /* it is the holder that it takes itself for */
	unsigned outrun : 1;   /* the other unit knows a higher term than that of its tenure */
	unsigned owes : 1;     /* it has not relinquished its role to the successor yet */
	unsigned call : 4;     /* the write under way */
	unsigned credit : 3;   /* until when what the call earns will last */
	unsigned lost : 7;     /* writes without an answer that replace the version it knows */
	unsigned unseen : 3;   /* until the record stood unchanged for long enough; of Expects, until the giver is over */
	unsigned promise : 3;  /* until its own promises are over */
	unsigned peer : 2;     /* the permit by the acknowledgements of the peer */
	unsigned peerDead : 2; /* and by those of a dead incarnation of the peer */
	unsigned witness : 3;  /* the permit by the Lease */
	unsigned first : 3;    /* the permit that the grant will bring */
	/* What is on its way to it, or from an earlier life. */
	unsigned acks : 3;     /* acknowledgements: the set of what is left of their heartbeats' grants */
	unsigned grant : 2;    /* a handover's grant for the Lease's term (1), or for one that only this unit believes in (2) */
	unsigned orphans : 7;  /* writes of dead incarnations that may still happen */
};
Unit x[2];
unsigned holder : 3 = NEVER;
unsigned record : 3 = Solo;
#if LP != LS
unsigned writer : 1; /* whose lease duration the record has */
#endif
unsigned turn : 1; /* whose clock ticks next: over any time they differ by one tick at most */

#include "rules.pml"

#define idle(u)   (x[u].call == None)
#define ready(u)  (x[u].fresh && idle(u))
#define holds(u)  (x[u].phase == Inherits || x[u].phase == Expects || x[u].phase == Serves)
#define serves(u) (x[u].phase == Serves)
#define late \
	(size(x[0].orphans) + size(x[1].orphans) + \
	(STANDS(0) -> size(x[0].lost) : 0) + (STANDS(1) -> size(x[1].lost) : 0))
/* How long the record must stand before unit u may take the Lease from its holder: the longer of its duration and u's own. */
#if LP != LS
#define duration(u) (writer == (u) -> LEASE(u) : MAX(LP, LS))
#else
#define duration(u) LP
#endif

/* --- Life and death */

#define SAME    0
#define ANOTHER 1
/* A new process starts, on the host of the last one or on another. */
inline start(u, host) {
	if :: host == ANOTHER -> x[u].relic = MAX(x[u].relic, x[u].gate); x[u].gate = 0 :: else fi;
	x[u].phase = Starts;
	x[u].promise = PROMISED(GRANT(u)) /* which it may have given in its last life */
}

/* The process ends. Its gate stays, and what it asked of the Lease may happen yet. */
inline crash(u) {
	if :: STANDS(u) -> x[u].orphans = x[u].orphans | x[u].lost :: else fi;
	x[u].lost = 0;
	if :: !idle(u) && x[u].call < Refresh && late < LATE -> x[u].orphans = x[u].orphans | BIT(x[u].call) :: else fi;
	forget(u);
	if
	:: !INCARNATION
	:: holder == u && INCARNATION -> holder = DEAD(u); record = (record == Paired -> Paired : Solo)
	:: holder == other(u) && record == Paired && INCARNATION -> record = PairedDead
	:: holder == DEAD(other(u)) && INCARNATION -> record = Solo
	:: else
	fi;
	bury(other(u))
}

inline forget(u) {
	x[u].phase = Down; x[u].write = 0; x[u].mode = Solo; x[u].fresh = 0; x[u].tenure = 0; x[u].outrun = 0; x[u].owes = 0;
	x[u].call = None; x[u].credit = 0; x[u].lost = 0; x[u].unseen = 0; x[u].promise = 0; x[u].peer = 0; x[u].peerDead = 0;
	x[u].witness = 0; x[u].first = 0; x[u].acks = 0; x[u].grant = 0
}

/* What unit u knows of its peer, has of it or wrote about it is of a dead incarnation from now on. */
#define renamed(set) (((set) & ~(BIT(ToPair) | BIT(HandOver))) | (((set) & (BIT(ToPair) | BIT(HandOver))) << 1))
#define newest(acks) ((acks) >= 4 -> 3 : ((acks) >= 2 -> 2 : (acks)))
inline bury(u) {
	if
	:: serves(u) && (x[u].mode == Paired || x[u].call == ToPair || has(x[u].lost, ToPair)) ->
		x[u].peerDead = MAX(x[u].peerDead, MAX(x[u].peer, newest(x[u].acks)))
	:: else
	fi;
	if :: x[u].mode == Paired -> x[u].mode = PairedDead :: else fi;
	if :: x[u].call == ToPair || x[u].call == HandOver -> x[u].call = x[u].call + 1 :: else fi;
	x[u].lost = renamed(x[u].lost);
	x[u].orphans = renamed(x[u].orphans);
	x[u].owes = 0; x[u].outrun = 0; x[u].peer = 0; x[u].acks = 0;
	if :: x[u].grant == 0 -> x[u].first = 0 :: else fi
}

/* --- The Lease */

/* The version changed: every write that replaces another one is void. */
inline outdate(u) {
	VOID(u);
	x[u].fresh = 0;
	if :: x[u].phase == Waits -> x[u].unseen = 0 :: else fi;
	if :: holder != u -> x[u].tenure = 0; x[u].grant = (x[u].grant && holds(u) -> 2 : 0) :: else fi
}

/* A write of unit u happens. The writer is u, or DEAD(u). */
inline happen(u, who, what) {
#if LP != LS
	writer = (KEEPS_DURATION(u, what) -> writer : u);
#endif
	if
	:: what == ToSolo       -> holder = who; record = Solo
	:: what == ToPair       -> holder = who; record = Paired
	:: what == ToPairDead   -> holder = who; record = (who == u -> PairedDead : Solo)
	:: what == HandOver     -> holder = other(u); record = (record == Paired -> HandedP : HandedS)
	:: what == HandOverDead -> holder = DEAD(other(u)); record = Solo
	:: what == Take         -> record = (holder == NOBODY && who == u -> Freed : Solo); holder = who
	:: what == Release      -> holder = NOBODY; record = Solo
	:: what == Refresh      -> record = (record <= PairedDead -> record : Solo)
	fi;
	outdate(0);
	outdate(1)
}

/* Unit u comes to know the Lease: by the watch, by reading it, or by the answer to a write. */
inline learn(u) {
	if
	:: x[u].phase == Releases
	:: x[u].phase != Releases && holder != u ->
		x[u].owes = (holds(u) && has(x[u].lost, HandOver) && holder == other(u));
		x[u].phase = (serves(u) -> Closes : (holds(u) -> Waits : x[u].phase));
		x[u].mode = Solo; x[u].witness = 0; x[u].peer = 0; x[u].peerDead = 0; x[u].first = 0; x[u].acks = 0; x[u].grant = 0;
		x[u].unseen = (holder == NOBODY || (holder == NEVER && u == 0) -> 0 :
			(holder == NEVER -> LEASE(u) : OUTLAST(duration(u))));
		if :: GRANT_EARLY && x[u].owes -> x[other(u)].grant = 1; x[u].owes = 0 :: else fi;
		if :: x[other(u)].grant == 0 && !x[u].owes -> x[other(u)].first = 0 :: else fi
	:: x[u].phase != Releases && holder == u && holds(u) && x[u].tenure ->
		x[u].mode = (serves(u) && record <= PairedDead -> record : Solo);
		if :: x[u].mode != PairedDead -> x[u].peerDead = 0 :: else fi
	:: x[u].phase != Releases && holder == u && !(holds(u) && x[u].tenure) -> /* a tenure that is new to it */
		if :: holds(u) -> x[u].witness = 0; x[u].peer = 0; x[u].peerDead = 0; x[u].acks = 0 :: else fi;
		x[u].phase = (record == Freed -> Serves : (record == HandedS -> Expects : Inherits));
		x[u].unseen = (record == HandedS -> OUTLAST(duration(u)) : 0);
		x[u].tenure = 1; x[u].mode = Solo;
		if :: x[u].grant == 2 -> x[u].grant = 0; x[u].first = 0 :: else fi
	fi;
	x[u].fresh = 1; x[u].lost = 0; x[u].outrun = 0;
	x[other(u)].outrun = (holds(other(u)) && !x[other(u)].tenure)
}

/* The call happens and is answered. */
inline answer(u, what) {
	if :: what == HandOver -> x[u].lost = x[u].lost | BIT(HandOver) :: else fi;
	if :: x[u].phase != Releases -> x[u].witness = MAX(x[u].witness, EARNED(u)) :: else fi;
	x[u].call = None; x[u].credit = 0;
	happen(u, u, what);
	learn(u)
}

/* The call happens, and its answer is lost. */
inline unanswer(u, what) {
	x[u].call = None; x[u].credit = 0;
	if :: what != Refresh -> x[u].lost = x[u].lost | BIT(what) :: else fi;
	happen(u, u, what)
}

/* The call is given up before it happens, which it may do yet. */
inline give_up(u, what) {
	x[u].call = None; x[u].credit = 0;
	LOSE(u, what)
}

/* Its first act: it closes the gate, and does nothing before it has read the Lease. */
inline enter(u) {
	x[u].gate = 0;
	x[u].phase = Waits;
	learn(u)
}

inline refreshed(u) {
	x[u].call = None;
	happen(u, u, Refresh);
	x[u].call = Refreshed; x[u].fresh = 1; x[u].lost = 0
}
inline answer_refresh(u) {
	if :: x[u].phase != Releases -> x[u].witness = MAX(x[u].witness, EARNED(u)) :: else fi;
	x[u].call = None; x[u].credit = 0;
	learn(u)
}
#ifdef SLOW
#define send(u, what) x[u].call = what; x[u].credit = LEASE(u)
#define refresh(u)    send(u, Refresh)
#else
#define send(u, what) x[u].call = what
#define refresh(u)    x[u].credit = LEASE(u); answer(u, Refresh)
#endif

#define named(u) (record == Paired && (holder == other(u) || holder == DEAD(other(u))))
#define may_take(u) \
	(x[u].phase == Waits && ready(u) && \
	(named(u) || (x[u].unseen == 0 && (x[u].promise == 0 || holder == NOBODY))))
#define may_pair(u) (serves(u) && x[u].mode == Solo && ready(u) && x[u].peer > 0 && x[u].write == 0)

inline pair(u) {
	SHORTEN(u);
	send(u, ToPair)
}

inline hand_over(u) {
	if :: x[other(u)].grant == 2 -> x[other(u)].grant = 0 :: else fi;
	x[other(u)].first = FIRST(u);
	send(u, HandOver)
}

/* --- Heartbeats: unit u acknowledges one of which r ticks of the grant are left. */

#define may_ack(u) (ACKNOWLEDGES(u) && serves(other(u)))

inline ack(u, r) {
	if :: NOTES(u) -> x[u].promise = MAX(x[u].promise, PROMISED(ASKED(other(u)))) :: else fi;
	if :: r > x[other(u)].peer -> x[other(u)].acks = x[other(u)].acks | BIT(r) :: else fi
}

inline receive(u, r) {
	x[u].peer = MAX(x[u].peer, r);
	x[u].acks = (x[u].acks >> r) << r
}

/* --- Permit and gate */

#define FOREVER 7
/* A promise of the peer counts in solo, too: nobody else could become active. */
#define by_witness(u) (x[u].mode == Solo || UNSETTLED(u, ToSolo) -> MAX(x[u].witness, x[u].peer) : FOREVER)
#define by_peer(u)    (x[u].mode == Paired || UNSETTLED(u, ToPair) -> x[u].peer : FOREVER)
#define by_dead(u)    (x[u].mode == PairedDead || UNSETTLED(u, ToPairDead) -> x[u].peerDead : FOREVER)
#define permit(u)     MIN(by_witness(u), MIN(by_peer(u), by_dead(u)))

inline write_gate(u) {
	x[u].gate = x[u].write;
	x[u].write = 0;
	assert(x[other(u)].gate == 0 && x[0].relic == 0 && x[1].relic == 0)
}

inline close_gate(u) {
	x[u].gate = 0; x[u].write = 0;
	x[u].phase = Waits;
	if :: x[u].owes && holder == other(u) -> x[other(u)].grant = 1 :: else fi;
	if :: x[other(u)].grant == 0 -> x[other(u)].first = 0 :: else fi;
	x[u].owes = 0
}

inline stop(u) {
	x[u].gate = 0; x[u].write = 0;
	x[u].phase = Releases;
	x[u].mode = Solo; x[u].acks = 0; x[u].peer = 0; x[u].peerDead = 0; x[u].witness = 0
}

#define granted(u) (holds(u) && x[u].grant > 0)

inline accept(u) {
	x[u].witness = MAX(x[u].witness, FIRST_PERMIT(u));
	x[u].first = 0; x[u].grant = 0;
	promote(u)
}

#define may_promote(u) ((x[u].phase == Inherits && INHERITS(u)) || (x[u].phase == Expects && EXPECTS(u)))

inline promote(u) {
	x[u].phase = Serves;
	x[u].unseen = 0
}

/* --- Time */

#define PASS(v) v = v - (v > 0 -> 1 : 0)
inline tick(u) {
	PASS(x[u].gate); PASS(x[u].relic); PAUSED_WRITE(u); PASS(x[u].credit); PASS(x[u].unseen); PASS(x[u].promise); PASS(x[u].peer);
	PASS(x[u].peerDead); PASS(x[u].witness); PASS(x[u].first);
	x[u].acks = x[u].acks >> 1;
	turn = other(u)
}

/* --- What may happen */

#define me _pid
#define say(text) printf("%d: ", me); printf(text); printf("\n")
#define CALL(what) \
	:: d_step { x[me].call == what -> answer(me, what); say(#what); say("  happens, and is answered") } \
	:: d_step { x[me].call == what -> unanswer(me, what); say(#what); say("  happens, and its answer is lost") }
#define LATER(what) \
	:: d_step { x[me].call == what && late < LATE -> give_up(me, what); say(#what); say("  is given up") } \
	:: d_step { STANDS(me) && has(x[me].lost, what) -> happen(me, me, what); say(#what); say("  happens late") } \
	:: d_step { has(x[me].orphans, what) -> happen(me, DEAD(me), what); say(#what); say("  of an earlier life happens") }
#define ACK(r) \
	:: d_step { may_ack(me) && r <= ASKED(other(me)) -> ack(me, r); say("acknowledges a heartbeat") } \
	:: d_step { serves(me) && has(x[me].acks, r) -> receive(me, r); say("has an acknowledgement") }

active [2] proctype unit() {
	do
	:: d_step { turn == me -> tick(me); printf("%d: tick; gates %d, %d\n", me, x[0].gate, x[1].gate) }

	:: d_step { x[me].phase != Down -> crash(me); say("crashes") }
	:: d_step { x[me].phase == Down -> start(me, SAME); say("starts") }
	:: d_step { x[me].phase == Down && x[me].gate > 0 -> start(me, ANOTHER); say("starts on another host") }
	:: d_step { x[me].phase == Starts -> enter(me); say("closes the gate and waits") }

	CALL(ToSolo) CALL(ToPair) CALL(ToPairDead) CALL(HandOver) CALL(HandOverDead) CALL(Take) CALL(Release)
	LATER(ToSolo) LATER(ToPair) LATER(ToPairDead) LATER(HandOver) LATER(HandOverDead) LATER(Take) LATER(Release)
#ifdef SLOW
	:: d_step { x[me].call == Refresh -> refreshed(me); say("refresh happens") }
	:: d_step { x[me].call == Refresh -> x[me].call = None; x[me].credit = 0; say("gives a refresh up") }
	:: d_step { x[me].call == Refreshed -> answer_refresh(me); say("refresh is answered") }
	:: d_step { x[me].call == Refreshed -> x[me].call = None; x[me].credit = 0; x[me].fresh = 0; say("refresh: answer lost") }
#endif
	:: d_step { x[me].phase >= Waits && !x[me].fresh && idle(me) && RECOVERS(me) -> learn(me);
		printf("%d: learns of holder %d, record %d\n", me, holder, record) }

	:: d_step { STALE(me) -> x[me].mode = Solo; x[me].fresh = 0; say("takes an older record for news") }
	:: d_step { may_take(me) -> send(me, Take); say("takes the Lease") }
	:: d_step { holds(me) && ready(me) -> refresh(me); say("refreshes") }
	:: d_step { serves(me) && x[me].mode != Solo && ready(me) -> send(me, ToSolo); say("wants to be solo") }
	:: d_step { may_pair(me) -> pair(me); say("shortens its gate, and wants to be paired") }
	:: d_step { serves(me) && ready(me) && x[other(me)].phase != Down -> hand_over(me); say("hands over") }
	:: d_step { serves(me) -> stop(me); say("closes the gate to leave") }
	:: d_step { x[me].phase == Releases && ready(me) && holder == me && x[me].tenure -> send(me, Release); say("releases") }

	ACK(1) ACK(2) ACK(3)
	:: d_step { NOTED_ANEW(me) -> x[me].first = LEASE(other(me)); say("acknowledges a duplicate") }

	:: d_step { may_promote(me) -> promote(me); say("serves: the other's permit is over") }
	:: d_step { granted(me) -> accept(me); say("serves: has the grant") }
	:: d_step { serves(me) && x[me].write == 0 && permit(me) > x[me].gate -> x[me].write = permit(me);
		printf("%d: computes a deadline in %d\n", me, x[me].write) }
	:: d_step { x[me].write > 0 -> write_gate(me); printf("%d: opens its gate for %d\n", me, x[me].gate) }
	:: d_step { x[me].phase == Closes -> close_gate(me); say("closes its gate") }
	od
}

/* Somebody else writes the Lease, and keeps what it says: who pauses the pair, for one. */
active proctype somebody() {
	do
	:: d_step { outdate(0); outdate(1); printf("somebody writes the Lease\n") }
	od
}

#ifdef RECOVERY
/* --- Recovery: from every state, once the faults are over, the pair is whole again after ROUNDS ticks. Whole is one
 * active, whose gate is open, and which is paired with a standby that waits. No state of these rounds is kept: the search
 * goes on from the beginning, where it was already. */

#ifndef ROUNDS
#define ROUNDS (MAX(LP, LS) + 2)
#endif
/* How much a unit does within a tick: one write of the Lease a turn. */
#define TURNS 4

/* What unit u writes next, where nothing holds it up. */
inline choose(u, what) {
	if
	:: !idle(u) -> what = x[u].call
	:: may_take(u) && !serves(other(u)) -> what = Take
	:: serves(u) && ready(u) && (x[u].mode == PairedDead || (x[u].mode == Paired && x[u].peer == 0)) -> what = ToSolo
	:: may_pair(u) && x[other(u)].phase == Waits -> SHORTEN(u); what = ToPair
	:: else -> what = (holds(u) && ready(u) -> Refresh : None)
	fi
}

/* All that it does at once, in the order in which one thing leads to the next. */
inline settle(u, what) {
	if :: x[u].phase == Releases -> crash(u) :: else fi; /* the process exits */
	if :: x[u].phase == Down -> start(u, SAME) :: else fi;
	if :: x[u].phase == Starts -> enter(u) :: else fi;
	if :: x[u].write > 0 -> write_gate(u) :: else fi;
	choose(u, what);
	if
	:: what != None -> x[u].credit = (what == Refresh -> LEASE(u) : x[u].credit); answer(u, what); what = None
	:: else -> if :: x[u].phase >= Waits && !x[u].fresh && RECOVERS(u) -> learn(u) :: else fi
	fi;
	if :: x[u].phase == Closes -> close_gate(u) :: else fi;
	if :: granted(u) -> accept(u) :: else fi;
	if :: may_promote(u) -> promote(u) :: else fi;
	if :: may_ack(u) -> ack(u, ASKED(other(u))); receive(other(u), ASKED(other(u))) :: else fi;
	if :: serves(u) && permit(u) > x[u].gate -> x[u].write = permit(u); write_gate(u) :: else fi
}

#define whole(a) \
	(serves(a) && x[a].mode == Paired && x[a].gate > 0 && x[other(a)].phase == Waits && x[other(a)].gate == 0)

active proctype recovery() {
	byte step, each, what;
	do
	:: d_step {
		printf("The faults are over\n");
		do
		:: step < ROUNDS * TURNS * 2 ->
			if :: step % (TURNS * 2) < 2 -> each = turn; tick(each) :: else fi;
			each = step % 2;
			settle(each, what);
			printf("phases %d, %d; gates %d, %d; ", x[0].phase, x[1].phase, x[0].gate, x[1].gate);
			printf("holder %d, record %d\n", holder, record);
			step++
		:: else -> break
		od;
		assert(whole(0) || whole(1));
		step = 0; each = 0;
		x[0].gate = 0; x[0].relic = 0; x[0].orphans = 0; forget(0);
		x[1].gate = 0; x[1].relic = 0; x[1].orphans = 0; forget(1);
		holder = NEVER; record = Solo; turn = 0
	}
	od
}
#endif
