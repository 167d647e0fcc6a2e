package chart

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
)

// TestNamespacedRights checks that the operator of some namespaces has its rights there and nowhere else.
func TestNamespacedRights(t *testing.T) {
	all := readObjects(t, root+"/config/rbac/role.yaml")[0].(*rbacv1.ClusterRole).Rules
	ofNodes := func(rule rbacv1.PolicyRule) bool { return slices.Contains(rule.Resources, "nodes") }
	release := render(t, set("watchNamespaces={site-a,site-b}")...)
	for _, of := range []string{"site-a", "site-b"} {
		roles := inNamespace(findAll[*rbacv1.Role](release, "hapair-manager"), of)
		bindings := inNamespace(findAll[*rbacv1.RoleBinding](release, "hapair-manager"), of)
		if len(roles) != 1 || len(bindings) != 1 {
			t.Fatalf("namespace %s has %d Roles and %d RoleBindings, want one each", of, len(roles), len(bindings))
		}
		if want := slices.DeleteFunc(slices.Clone(all), ofNodes); !reflect.DeepEqual(roles[0].Rules, want) {
			t.Errorf("namespace %s: the Role does not have the rights of the operator", of)
		}
		expectSubject(t, bindings[0].Subjects, "hapair-manager")
	}
	cluster := find[*rbacv1.ClusterRole](t, release, "hapair-manager")
	others := func(r rbacv1.PolicyRule) bool { return !ofNodes(r) }
	want := slices.DeleteFunc(slices.Clone(all), others)
	if len(want) != 1 || !reflect.DeepEqual(cluster.Rules, want) {
		t.Errorf("got the cluster-wide rights %v, want those on nodes", cluster.Rules)
	}
	if args := manager(t, set("watchNamespaces={site-a,site-b}")...).Args; !slices.Contains(args,
		"--watch-namespaces=site-a,site-b") {
		t.Errorf("got the arguments %v", args)
	}
}

func TestNoClusterWideRights(t *testing.T) {
	release := render(t, set("watchNamespaces={site-a}", "readNodes=false", "userRoles.create=false")...)
	for _, object := range release {
		switch object.(type) {
		case *rbacv1.ClusterRole, *rbacv1.ClusterRoleBinding:
			t.Errorf("the release has %T %s", object, object.GetName())
		}
	}
	for _, rule := range find[*rbacv1.ClusterRole](t, render(t, set("readNodes=false")...), "hapair-manager").Rules {
		if slices.Contains(rule.Resources, "nodes") {
			t.Error("the operator may read nodes with readNodes=false")
		}
	}
}

func inNamespace[T interface{ GetNamespace() string }](objects []T, namespace string) []T {
	return slices.DeleteFunc(objects, func(o T) bool { return o.GetNamespace() != namespace })
}

// TestRestrictionsReachTheManager checks the flags that restrict the authors of pairs. By default no flag is set, and
// the operator allows the attachments of the pair's own namespace only.
func TestRestrictionsReachTheManager(t *testing.T) {
	for _, argument := range manager(t).Args {
		if strings.HasPrefix(argument, "--allowed-") || strings.HasPrefix(argument, "--watch-") {
			t.Errorf("the default is %s", argument)
		}
	}
	args := manager(t, set("allowed.attachmentNamespaces={networks,shared}",
		"allowed.virtualAddresses={192.0.2.0/24,fd50::/64}", "allowed.images={registry.example:5000/fw}")...).Args
	for _, want := range []string{
		"--allowed-attachment-namespaces=networks,shared", "--allowed-virtual-addresses=192.0.2.0/24,fd50::/64",
		"--allowed-images=registry.example:5000/fw",
	} {
		if !slices.Contains(args, want) {
			t.Errorf("got the arguments %v, want %s", args, want)
		}
	}
}

// TestEditorsOfNamespacesCannotChangePairs checks that nobody gets rights on pairs by the roles that a cluster has.
func TestEditorsOfNamespacesCannotChangePairs(t *testing.T) {
	for _, role := range findAll[*rbacv1.ClusterRole](render(t), "") {
		isWrite := func(verb string) bool { return !slices.Contains([]string{"get", "list", "watch"}, verb) }
		writes := slices.ContainsFunc(role.Rules, func(r rbacv1.PolicyRule) bool {
			return slices.ContainsFunc(r.Verbs, isWrite)
		})
		if writes && aggregated(role) {
			t.Errorf("the roles edit or admin of the cluster include ClusterRole %s", role.Name)
		}
	}
}

// TestGlobalRegistry checks that the value which parent charts set replaces the registry of every image.
func TestGlobalRegistry(t *testing.T) {
	const registry, repository = "global.imageRegistry=", "image.manager.repository="
	version, digest := ":"+appVersion(t), "sha256:"+strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		values []string
		want   string // of the manager
	}{
		"no mirror":   {[]string{registry + ""}, "ghcr.io/hapair-io/manager" + version},
		"another key": {[]string{"global.storageClass=x"}, "ghcr.io/hapair-io/manager" + version},
		"a mirror":    {[]string{registry + "m.test:5000"}, "m.test:5000/hapair-io/manager" + version},
		"a mirror with a path": {
			[]string{registry + "m.test/quay"}, "m.test/quay/hapair-io/manager" + version,
		},
		"a repository of localhost": {[]string{registry + "m.test", repository + "localhost/a/b"}, "m.test/a/b" + version},
		"a repository with a port":  {[]string{registry + "m.test", repository + "reg:443/b"}, "m.test/b" + version},
		"a repository without a registry": {
			[]string{registry + "m.test", repository + "hapair/manager"}, "m.test/hapair/manager" + version,
		},
		"a digest": {
			[]string{registry + "m.test", "image.manager.digest=" + digest}, "m.test/hapair-io/manager@" + digest,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := manager(t, set(c.values...)...).Image; got != c.want {
				t.Errorf("got image %s, want %s", got, c.want)
			}
		})
	}
	args := manager(t, set("global.imageRegistry=m.test")...).Args
	for _, want := range []string{
		"--sidecar-image=m.test/hapair-io/sidecar" + version, "--firewall-image=m.test/hapair-io/firewall" + version,
	} {
		if !slices.Contains(args, want) {
			t.Errorf("got the arguments %v, want %s", args, want)
		}
	}
}
