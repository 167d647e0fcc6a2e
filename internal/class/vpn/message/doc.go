// Package message reads and makes the datagrams with which strongSwan's plugin ha sends the SAs of one IKE daemon to
// another (src/libcharon/plugins/ha/ha_message.h). It reads what the relay needs: the type, and the IKE SA. The rest is
// between the daemons, and depends on their version. It does no I/O.
package message
