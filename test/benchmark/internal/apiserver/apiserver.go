// Package apiserver is the real API server of a benchmark: kube-apiserver and etcd in a network namespace, which units
// reach over a link of their own. It is the units' witness, and it tells how often they wrote to it.
package apiserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/test/benchmark/internal/process"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/poll"
	"github.com/hapair-io/hapair/test/testbed"
)

const (
	port         = 6443
	etcdURL      = "http://127.0.0.1:2379"
	startTimeout = 2 * time.Minute
	// serverName is in the server's certificate. No resolver knows it.
	serverName = "api.benchmark.hapair"
	domain     = "benchmark.hapair"
	// tokenSeconds is how long a unit's token is good for: longer than any benchmark.
	tokenSeconds = 24 * 60 * 60
)

// Server is a running API server.
type Server struct {
	// Admin may do everything.
	Admin kubernetes.Interface

	namespace *testbed.Namespace
	address   netip.AddrPort
	directory string
	authority []byte
	admin     *rest.Config
	apiserver *process.Process
}

// Start starts etcd and kube-apiserver inside of a namespace whose address is given, and waits until they answer.
// Assets is the folder of their programs, directory one for all that they write.
func Start(t testing.TB, n *testbed.Namespace, address netip.Addr, assets, directory string) *Server {
	t.Helper()
	s := &Server{namespace: n, address: netip.AddrPortFrom(address, port), directory: directory}
	const adminToken = "benchmark" //nolint:gosec // Of a server that nobody else can reach, for as long as a benchmark.
	if err := s.writeFiles(adminToken); err != nil {
		t.Fatalf("Preparing the API server: %v", err)
	}
	path := namespace.Named(n.Name)
	process.Start(t, path, s.file("etcd.log"), exec.Command(filepath.Join(assets, "etcd"),
		"--data-dir="+s.file("etcd"), "--listen-client-urls="+etcdURL, "--advertise-client-urls="+etcdURL,
		"--listen-peer-urls=http://127.0.0.1:2380", "--log-level=warn",
		// Nothing here outlives the machine's power, and a disk that others use too would be in every answer.
		"--unsafe-no-fsync",
	))
	s.apiserver = process.Start(t, path, s.file("kube-apiserver.log"),
		exec.Command(filepath.Join(assets, "kube-apiserver"), s.arguments()...))
	s.admin = s.config(adminToken)
	s.admin.QPS = -1
	var err error
	if s.Admin, err = kubernetes.NewForConfig(s.admin); err != nil {
		t.Fatalf("Making a client of the API server: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	go func() { // one that ends at once is not waited for
		select {
		case <-s.apiserver.Ended():
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := poll.Until(ctx, 100*time.Millisecond, "the API server to be ready", s.ready); err != nil {
		s.apiserver.Running()
		t.Fatalf("Starting kube-apiserver: %v", err)
	}
	return s
}

func (s *Server) file(name string) string { return filepath.Join(s.directory, name) }

func (s *Server) arguments() []string {
	return []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=" + s.address.Addr().String(), "--advertise-address=" + s.address.Addr().String(),
		"--secure-port=" + strconv.Itoa(port),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--tls-cert-file=" + s.file("tls.crt"), "--tls-private-key-file=" + s.file("tls.key"),
		"--service-account-issuer=https://" + serverName,
		"--service-account-key-file=" + s.file("tls.crt"), "--service-account-signing-key-file=" + s.file("tls.key"),
		"--token-auth-file=" + s.file("tokens.csv"),
		"--authorization-mode=RBAC",
		// Nobody makes service accounts' tokens or nodes here.
		"--disable-admission-plugins=ServiceAccount",
		"--audit-policy-file=" + s.file("audit-policy.yaml"), "--audit-log-path=" + s.file("audit.log"),
		// In MB: all of it stays in one file.
		"--audit-log-maxsize=100000",
	}
}

// auditPolicy notes every write of a service account, of which the units are the only ones.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts"]
  verbs: [create, update, patch, delete]
- level: None
`

func (s *Server) writeFiles(adminToken string) error {
	authority, err := credentials.NewAuthority(domain, time.Now())
	if err != nil {
		return err
	}
	server, err := credentials.Issue(authority, serverName, time.Now())
	if err != nil {
		return err
	}
	s.authority = authority.Certificate
	for name, content := range map[string][]byte{
		"tls.crt":           server.Certificate,
		"tls.key":           server.Key,
		"tokens.csv":        []byte(adminToken + ",admin,admin,system:masters\n"),
		"audit-policy.yaml": []byte(auditPolicy),
	} {
		if err := os.WriteFile(s.file(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// config reaches the server from this process, wherever its namespace is.
func (s *Server) config(token string) *rest.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.authority)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return namespace.Dial(ctx, namespace.Named(s.namespace.Name), network, address)
		},
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: serverName, MinVersion: tls.VersionTLS13},
	}
	return &rest.Config{Host: "https://" + s.address.String(), BearerToken: token, Transport: transport}
}

func (s *Server) ready(ctx context.Context) error {
	_, err := s.Admin.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
	return err
}

// AdminConfig is how somebody reaches the server who may do everything.
func (s *Server) AdminConfig() *rest.Config { return rest.CopyConfig(s.admin) }

// Kubeconfig writes how a service account reaches the server.
func (s *Server) Kubeconfig(ctx context.Context, namespaceName, serviceAccount, file string) error {
	seconds := int64(tokenSeconds)
	token, err := s.Admin.CoreV1().ServiceAccounts(namespaceName).CreateToken(ctx, serviceAccount,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}},
		metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("making a token for %s/%s: %w", namespaceName, serviceAccount, err)
	}
	const name = "benchmark"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{
		Server: "https://" + s.address.String(), TLSServerName: serverName, CertificateAuthorityData: s.authority,
	}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, file)
}

// Freeze stops the server as it is: requests are taken by the kernel, and never answered. Thaw lets it go on.
func (s *Server) Freeze() { s.apiserver.Signal(unix.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() { s.apiserver.Signal(unix.SIGCONT) }

// Answers waits until the server is ready.
func (s *Server) Answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return poll.Until(ctx, 20*time.Millisecond, "the API server to answer", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		return s.ready(ctx)
	})
}

// Write is one request of a unit that changed something, or was refused.
type Write struct {
	User, Verb, Resource string
	At                   time.Time
}

// Writes are those of the service accounts of a namespace whose names begin so, from an instant on, by the server's own
// record.
func (s *Server) Writes(namespaceName, prefix string, from time.Time) ([]Write, error) {
	file, err := os.Open(s.file("audit.log"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nobody wrote anything yet
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return readWrites(file, "system:serviceaccount:"+namespaceName+":", prefix, from)
}

// readWrites reads an audit log: one event of audit.k8s.io/v1 a line.
func readWrites(log io.Reader, accounts, prefix string, from time.Time) ([]Write, error) {
	var writes []Write
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			Verb string `json:"verb"`
			User struct {
				Username string `json:"username"`
			} `json:"user"`
			ObjectRef struct {
				Resource    string `json:"resource"`
				Subresource string `json:"subresource"`
			} `json:"objectRef"`
			At time.Time `json:"requestReceivedTimestamp"`
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		account, ok := strings.CutPrefix(event.User.Username, accounts)
		if !ok || !strings.HasPrefix(account, prefix) || event.At.Before(from) {
			continue
		}
		resource := event.ObjectRef.Resource
		if event.ObjectRef.Subresource != "" {
			resource += "/" + event.ObjectRef.Subresource
		}
		writes = append(writes, Write{User: account, Verb: event.Verb, Resource: resource, At: event.At})
	}
	return writes, lines.Err()
}
