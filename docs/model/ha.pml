#ifndef GP
#define GP 2
#endif
#ifndef GS
#define GS GP
#endif
#ifndef LP
#define LP 4
#endif
#ifndef LS
#define LS LP
#endif
#define GRANT(u) ((u) == 0 -> GP : GS)
#define LEASE(u) ((u) == 0 -> LP : LS)
#define LONGEST (LP > LS -> LP : LS)
#ifdef NO_DRIFT
#define OUTLAST(d) (d)
#else
#define OUTLAST(d) ((d) + 1)
#endif
#ifndef SHORTEST
#define SHORTEST 1
#endif

#define Down     0
#define Starts   1
#define Waits    2
#define Inherits 3
#define Expects  4
#define Serves   5
#define Closes   6
#define Releases 7

#define DEAD(u)  (2 + (u))
#define NOBODY   4
#define NEVER    5

#define Solo     0
#define Paired   1
#define PairedD  2
#define HandedP  3
#define HandedS  4
#define Freed    5

#define None     0
#define ToSolo   1
#define ToPair   2
#define ToPairD  3
#define HandOver 4
#define HandOverD 5
#define Take     6
#define Release  7
#define BIT(w) (1 << ((w) - 1))

typedef Unit {
	unsigned gate : 3;
	unsigned write : 3;
	unsigned phase : 3;
	unsigned mode : 2;
	unsigned fresh : 1;
	unsigned tenure : 1;
	unsigned owes : 1;
	unsigned call : 3;
	unsigned credit : 3;
	unsigned lost : 7;
	unsigned unseen : 3;
	unsigned promise : 3;
	unsigned peer : 2;
	unsigned peerD : 2;
	unsigned witness : 3;
	unsigned acks : 3;
	unsigned grant : 2;
	unsigned first : 3;
	unsigned orphans : 7;
};
Unit x[2];
unsigned holder : 3 = NEVER;
unsigned record : 3 = Solo;
#if LP != LS
unsigned writer : 1;
#endif
unsigned turn : 1;
byte w;
byte c;

#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define DEC(v) v = v - ((v) > 0 -> 1 : 0)
#define other(u) (1 - (u))
#define has(set, w) (((set) >> ((w) - 1)) & 1)

#define holds(u) (x[u].phase == Inherits || x[u].phase == Expects || x[u].phase == Serves)
#define named(u) (record == Paired && (holder == other(u) || holder == DEAD(other(u))))
#define idle(u)  (x[u].call == None)
#if LP != LS
#define duration(u) (writer == (u) -> LEASE(u) : LONGEST)
#else
#define duration(u) LP
#endif

inline supersede1(u) {
#ifndef NO_CAS_VERSION
	x[u].call = None; x[u].credit = 0; x[u].orphans = 0;
#endif
	x[u].fresh = 0;
	if :: x[u].phase == Waits -> x[u].unseen = 0 :: else fi;
	if :: holder != u -> x[u].tenure = 0; x[u].grant = (x[u].grant && holds(u) -> 2 : 0) :: else fi
}
inline happen(u, self) {
	if
	:: w == ToSolo    -> holder = self; record = Solo
	:: w == ToPair    -> holder = self; record = Paired
	:: w == ToPairD   -> holder = self; record = (self == u -> PairedD : Solo)
	:: w == HandOver  -> holder = other(u); record = (record == Paired -> HandedP : HandedS)
	:: w == HandOverD -> holder = DEAD(other(u)); record = Solo
	:: w == Take      -> record = (holder == NOBODY && self == u -> Freed : Solo); holder = self
	:: w == Release   -> holder = NOBODY; record = Solo
	fi;
	w = 0;
	supersede1(0); supersede1(1);
#if LP != LS
	writer = u;
#endif
}
inline see(u) {
	x[u].unseen = (holder == NOBODY -> 0 : (holder == NEVER -> (u == 0 -> 0 : LEASE(u)) : OUTLAST(duration(u))))
}
inline learn(u) {
	if
	:: x[u].phase == Releases -> skip
	:: x[u].phase != Releases && holder != u ->
		x[u].owes = (holds(u) && has(x[u].lost, HandOver) && holder == other(u));
		x[u].phase = (x[u].phase == Serves -> Closes : (holds(u) -> Waits : x[u].phase));
		x[u].mode = Solo; x[u].witness = 0; x[u].acks = 0; x[u].peerD = 0; x[u].grant = 0; x[u].first = 0;
		see(u);
#ifdef GRANT_BEFORE_CLOSE
		if :: x[u].owes -> x[other(u)].grant = 1; x[u].owes = 0 :: else fi;
#endif
		if :: x[other(u)].grant == 0 && !x[u].owes -> x[other(u)].first = 0 :: else fi
	:: x[u].phase != Releases && holder == u && holds(u) && x[u].tenure ->
		if :: x[u].phase == Serves -> x[u].mode = (record <= PairedD -> record : Solo) :: else fi;
		if :: x[u].mode != PairedD -> x[u].peerD = 0 :: else fi
	:: x[u].phase != Releases && holder == u && !(holds(u) && x[u].tenure) ->
		x[u].phase = (record == Freed -> Serves : (record == HandedS -> Expects : Inherits));
		x[u].unseen = (record == HandedS -> OUTLAST(duration(u)) : 0);
		x[u].tenure = 1; x[u].mode = Solo; x[u].witness = 0; x[u].acks = 0; x[u].peerD = 0;
		if :: x[u].grant == 2 -> x[u].grant = 0; x[u].first = 0 :: else fi
	fi;
	x[u].fresh = 1;
	x[u].lost = 0
}
#define send(u, what) x[u].call = what; x[u].credit = LEASE(u)

#ifdef NO_CAS_VERSION
#define current(u) true
#else
#define current(u) x[u].fresh
#endif

inline give_up(u) {
#ifdef LOST_ANSWER_TRUSTED
	if
	:: x[u].call == ToSolo -> x[u].mode = Solo; x[u].witness = MAX(x[u].witness, x[u].credit); x[u].fresh = 0
	:: else -> x[u].lost = x[u].lost | BIT(x[u].call)
	fi;
#else
	x[u].lost = x[u].lost | BIT(x[u].call);
#endif
	x[u].call = None; x[u].credit = 0
}

#define unsettled(u, what) (x[u].call == what || has(x[u].lost, what))
#define FOREVER 7
#define permit3(u) (x[u].mode == Solo || unsettled(u, ToSolo) -> x[u].witness : FOREVER)
#define permit2(u) (x[u].mode == Paired || unsettled(u, ToPair) -> x[u].peer : FOREVER)
#define permit1(u) (x[u].mode == PairedD || unsettled(u, ToPairD) -> x[u].peerD : FOREVER)
#define permit(u) MIN(permit1(u), MIN(permit2(u), permit3(u)))

inline close_gate(u) {
	x[u].gate = 0;
	x[u].write = 0;
	x[u].phase = Waits;
	if :: x[u].owes && holder == other(u) -> x[other(u)].grant = 1 :: else fi;
	if :: x[other(u)].grant == 0 -> x[other(u)].first = 0 :: else fi;
	x[u].owes = 0
}

#ifdef ACK_AFTER_CAS
#define can_ack(u) ((x[u].phase == Waits || x[u].phase == Inherits) && x[other(u)].phase == Serves)
#else
#define can_ack(u) (x[u].phase == Waits && x[other(u)].phase == Serves && idle(u) && x[u].lost == 0)
#endif

inline ack(u, r) {
#ifdef ACK_AFTER_CAS
	if :: x[u].phase == Waits && idle(u) && x[u].lost == 0 -> x[u].promise = MAX(x[u].promise, OUTLAST(GRANT(other(u)))) :: else fi;
#else
#ifdef HALF_GRANT
	x[u].promise = MAX(x[u].promise, OUTLAST(GRANT(other(u)) / 2));
#else
	x[u].promise = MAX(x[u].promise, OUTLAST(GRANT(other(u))));
#endif
#endif
	if :: r > x[other(u)].peer -> x[other(u)].acks = x[other(u)].acks | BIT(r) :: else fi
}

#define rename(set) (((set) & ~(BIT(ToPair) | BIT(HandOver))) | (((set) & (BIT(ToPair) | BIT(HandOver))) << 1))
inline bury(u) {
	if :: x[u].mode == Paired -> x[u].mode = PairedD :: else fi;
	if
	:: x[u].call == ToPair -> x[u].call = ToPairD
	:: x[u].call == HandOver -> x[u].call = HandOverD
	:: else
	fi;
	x[u].lost = rename(x[u].lost);
	x[u].orphans = rename(x[u].orphans);
	if
	:: x[u].phase == Serves && (x[u].mode == PairedD || unsettled(u, ToPairD)) ->
		c = (x[u].acks >= 4 -> 3 : (x[u].acks >= 2 -> 2 : x[u].acks));
		x[u].peerD = MAX(x[u].peerD, MAX(x[u].peer, c));
		c = 0
	:: else
	fi;
	x[u].owes = 0;
	x[u].peer = 0; x[u].acks = 0
}

inline crash(u) {
	if :: current(u) -> x[u].orphans = x[u].orphans | x[u].lost :: else fi;
	if :: x[u].call != None -> x[u].orphans = x[u].orphans | BIT(x[u].call) :: else fi;
	x[u].phase = Down;
	x[u].write = 0; x[u].mode = 0; x[u].fresh = 0; x[u].tenure = 0; x[u].owes = 0; x[u].call = None; x[u].credit = 0;
	x[u].lost = 0; x[u].unseen = 0; x[u].promise = 0; x[u].peer = 0; x[u].peerD = 0; x[u].witness = 0; x[u].acks = 0;
	x[u].grant = 0; x[u].first = 0;
	if
	:: holder == u -> holder = DEAD(u); record = (record == Paired -> Paired : Solo)
	:: holder == other(u) && record == Paired -> record = PairedD
	:: holder == DEAD(other(u)) && record == Paired -> record = Solo
	:: else
	fi;
	bury(other(u));
	if :: x[other(u)].grant == 0 -> x[other(u)].first = 0 :: else fi
}

inline tick(u) {
	DEC(x[u].gate);
#ifndef RELATIVE_TIMER
	DEC(x[u].write);
#endif
	if :: x[u].call != None && x[u].credit == 1 -> give_up(u) :: else fi;
	DEC(x[u].credit); DEC(x[u].unseen); DEC(x[u].promise); DEC(x[u].peer); DEC(x[u].peerD); DEC(x[u].witness);
	DEC(x[u].first);
	x[u].acks = x[u].acks >> 1;
	turn = other(u)
}

#define me _pid
#define LATE(what) \
	:: d_step { current(me) && has(x[me].lost, what) -> w = what; happen(me, me) } \
	:: d_step { has(x[me].orphans, what) -> w = what; happen(me, DEAD(me)) }
#define ACK(r) \
	:: d_step { can_ack(me) && r <= GRANT(other(me)) -> ack(me, r) }
#define RECV(r) \
	:: d_step { x[me].phase == Serves && has(x[me].acks, r) -> x[me].peer = MAX(x[me].peer, r); x[me].acks = (x[me].acks >> r) << r }

active [2] proctype unit() {
	do
	:: d_step { turn == me -> tick(me) }
	:: d_step { x[me].phase != Down -> crash(me) }
	:: d_step { x[me].phase == Down -> x[me].phase = Starts; x[me].promise = OUTLAST(GRANT(me)) }
	:: d_step { x[me].phase == Starts -> x[me].gate = 0; x[me].phase = Waits }

	:: d_step { x[me].call != None ->
		w = x[me].call; c = x[me].credit;
		x[me].lost = x[me].lost | BIT(w); x[me].call = None; x[me].credit = 0;
		happen(me, me);
		learn(me);
		if :: holds(me) -> x[me].witness = MAX(x[me].witness, c) :: else fi;
		c = 0 }
	:: d_step { x[me].call != None ->
		w = x[me].call;
		x[me].lost = x[me].lost | BIT(w); x[me].call = None; x[me].credit = 0;
		happen(me, me) }
	:: d_step { x[me].call != None -> give_up(me) }
	LATE(ToSolo) LATE(ToPair) LATE(ToPairD) LATE(HandOver) LATE(HandOverD) LATE(Take) LATE(Release)
	:: d_step { !x[me].fresh && idle(me) && x[me].phase >= Waits -> learn(me) }

	:: d_step { holds(me) && x[me].fresh && idle(me) -> send(me, 1 + x[me].mode) }
	:: d_step { x[me].phase == Serves && x[me].mode != Solo && x[me].fresh && idle(me) -> send(me, ToSolo) }
	:: d_step { x[me].phase == Serves && x[me].mode == Solo && x[me].fresh && idle(me) && x[me].peer > 0 && x[me].write == 0 ->
#ifndef NO_SHORTEN
		x[me].gate = MIN(x[me].gate, x[me].peer);
#endif
		send(me, ToPair) }
	:: d_step { x[me].phase == Serves && x[me].fresh && idle(me) && x[other(me)].phase != Down ->
		if :: x[other(me)].grant == 2 -> x[other(me)].grant = 0 :: else fi;
		x[other(me)].first = LEASE(me);
		send(me, HandOver) }
	:: d_step { x[me].phase == Waits && x[me].fresh && idle(me) && (named(me) || (x[me].unseen == 0 && (x[me].promise == 0 || holder == NOBODY))) -> send(me, Take) }
	:: d_step { x[me].phase == Serves -> x[me].phase = Releases; x[me].gate = 0; x[me].write = 0; x[me].acks = 0; x[me].peer = 0; x[me].peerD = 0; x[me].witness = 0; x[me].mode = 0;}
	:: d_step { x[me].phase == Releases && holder == me && x[me].tenure && x[me].fresh && idle(me) -> send(me, Release) }

	ACK(1) ACK(2) ACK(3)
	RECV(1) RECV(2) RECV(3)

#ifdef NO_WAIT
	:: d_step { x[me].phase == Inherits -> x[me].phase = Serves }
#else
	:: d_step { x[me].phase == Inherits && x[me].promise == 0 -> x[me].phase = Serves }
#endif
	:: d_step { x[me].phase == Expects && x[me].unseen == 0 -> x[me].phase = Serves }
	:: d_step { holds(me) && x[me].grant > 0 -> x[me].witness = MAX(x[me].witness, x[me].first); x[me].phase = Serves; x[me].unseen = 0; x[me].grant = 0; x[me].first = 0 }

	:: d_step { x[me].phase == Serves && x[me].write == 0 && permit(me) > x[me].gate -> x[me].write = permit(me) }
	:: d_step { x[me].write > 0 -> x[me].gate = x[me].write; x[me].write = 0; assert(x[0].gate == 0 || x[1].gate == 0) }
	:: d_step { x[me].phase == Closes -> close_gate(me) }
	od
}
