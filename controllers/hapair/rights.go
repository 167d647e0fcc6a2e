package hapair

// The operator's rights, from which config/rbac/role.yaml is generated. The operator writes no object of a user.
//
// For the spec and status of pairs:
//
// +kubebuilder:rbac:groups=hapair.io,resources=hapairs;firewallconfigurations;syncpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=hapair.io,resources=hapairs/status,verbs=get;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
//
// For the objects of a pair. Applying needs patch, and create if the object does not exist:
//
// +kubebuilder:rbac:groups="",resources=pods;services,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=configmaps;secrets;serviceaccounts,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services/status,verbs=patch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles;rolebindings,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=hapair.io,resources=haunits,verbs=get;list;watch;create;patch
//
// For the rights of units, which the operator can grant only because it has them:
//
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;list;watch;update
// +kubebuilder:rbac:groups=hapair.io,resources=haunits/status,verbs=get;patch
//
// For clusters that protect owner references (OwnerReferencesPermissionEnforcement) and endpoints (OpenShift):
//
// +kubebuilder:rbac:groups=hapair.io,resources=hapairs/finalizers,verbs=update
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices/restricted,verbs=create
//
// For the diagnosis of pods that do not start or terminate:
//
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups=k8s.cni.cncf.io,resources=network-attachment-definitions,verbs=get
//
// For the certificates of pairs that name an issuer of cert-manager:
//
// +kubebuilder:rbac:groups=cert-manager.io,resources=certificates,verbs=get;create;patch;delete
