package hapair

// What the operator may do, from which config/rbac/role.yaml is generated. Nothing is updated or deleted that is not in
// this list, and of users' objects nothing is written at all.
//
// What the spec and status of pairs need:
//
// +kubebuilder:rbac:groups=hapair.io,resources=hapairs;syncpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=hapair.io,resources=hapairs/status,verbs=get;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
//
// What a pair consists of. Applying takes patch, and create when there is nothing yet:
//
// +kubebuilder:rbac:groups="",resources=pods;services,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=configmaps;secrets;serviceaccounts,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services/status,verbs=patch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles;rolebindings,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;list;watch;create;patch
//
// What it grants to units, and can only grant because it has it:
//
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;list;watch;update
// +kubebuilder:rbac:groups="",resources=pods/status,verbs=get;patch
//
// What clusters demand that guard owner references (OwnerReferencesPermissionEnforcement) and endpoints (OpenShift):
//
// +kubebuilder:rbac:groups=hapair.io,resources=hapairs/finalizers,verbs=update
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices/restricted,verbs=create
//
// What tells why a pod does not start, or does not go:
//
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get
// +kubebuilder:rbac:groups=k8s.cni.cncf.io,resources=network-attachment-definitions,verbs=get
//
// What asks cert-manager for the certificates of pairs that name an issuer:
//
// +kubebuilder:rbac:groups=cert-manager.io,resources=certificates,verbs=get;create;patch;delete
