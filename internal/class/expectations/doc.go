// Package expectations replicates the connections that helpers of the kernel expect. It serves every class of this
// kind: FTP, and VoIP with SIP and H.323. A class has the expectations of its helpers.
//
// When a client of FTP announces a data connection, the helper reads it in the control connection and makes an
// expectation. It lives until the data connection opens. With it, the new active accepts and translates a data
// connection that was announced at the former one.
//
// An expectation belongs to the entry of its control connection, the master. The master and open data connections are
// entries, which class ConnectionCache replicates.
//
// Time runs on the standby as on the active: an expectation that nobody uses expires on both. So there is nothing to
// refresh, and nothing to commit.
package expectations
