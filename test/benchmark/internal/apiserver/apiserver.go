// Package apiserver runs a real API server for a benchmark: kube-apiserver and etcd in a network namespace. The units
// use it as their witness over a link of their own. It also counts the writes of each unit.
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
	// serverName is the name in the server's certificate. No resolver knows it.
	serverName = "api.benchmark.hapair"
	domain     = "benchmark.hapair"
	// tokenSeconds is the validity of a unit's token, which is longer than any benchmark.
	tokenSeconds = 24 * 60 * 60
)

// Server is a running API server.
type Server struct {
	// Admin is a client with all permissions.
	Admin kubernetes.Interface

	namespace *testbed.Namespace
	address   netip.AddrPort
	directory string
	authority []byte
	admin     *rest.Config
	apiserver *process.Process
}

// Start starts etcd and kube-apiserver in a namespace with the given address, and waits until they are ready. assets is
// the folder of the programs, and directory that of all written files.
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
		// The data need not survive a power failure. Without fsync, other users of the disk do not delay requests.
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
	go func() { // notices a server that ends at once
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
		// There are no controllers for service account tokens and nodes here.
		"--disable-admission-plugins=ServiceAccount",
		"--audit-policy-file=" + s.file("audit-policy.yaml"), "--audit-log-path=" + s.file("audit.log"),
		// In MB. The audit log must stay in one file.
		"--audit-log-maxsize=100000",
	}
}

// auditPolicy records every write of a service account. Only units use service accounts here.
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

// config returns a configuration that reaches the server from this process, which is in another namespace.
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

// AdminConfig returns a configuration with all permissions.
func (s *Server) AdminConfig() *rest.Config { return rest.CopyConfig(s.admin) }

// Kubeconfig writes a kubeconfig file for a service account.
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

// Freeze stops the server's process: the kernel accepts requests, but the server does not answer. Thaw continues it.
func (s *Server) Freeze() { s.apiserver.Signal(unix.SIGSTOP) }

// Thaw continues a frozen server.
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

// Write is one request of a unit that changed an object or was refused.
type Write struct {
	User, Verb, Resource string
	At                   time.Time
}

// Writes returns the writes of the service accounts with a name prefix in a namespace, from an instant on. It reads
// them from the server's audit log.
func (s *Server) Writes(namespaceName, prefix string, from time.Time) ([]Write, error) {
	file, err := os.Open(s.file("audit.log"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // without any write there is no log
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return readWrites(file, "system:serviceaccount:"+namespaceName+":", prefix, from)
}

// readWrites parses an audit log, which has one event of audit.k8s.io/v1 on each line.
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
