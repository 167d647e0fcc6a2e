{{/* Prefix of all names: <release>-<chart>, or only <release> if that contains the name of the chart. */}}
{{- define "hapair.fullname" -}}
{{- $chart := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $chart .Release.Name -}}
{{- .Release.Name | trunc 50 | trimAll ".-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $chart | trunc 50 | trimAll ".-" -}}
{{- end -}}
{{- end -}}

{{/*
Labels that select the operator's pods. They must never change, since the selector of a Deployment is immutable. They
differ from the labels of every unit, whatever the name of its pair is.
*/}}
{{- define "hapair.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}-manager
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "hapair.labels" -}}
{{ include "hapair.selector" . }}
app.kubernetes.io/component: manager
app.kubernetes.io/part-of: hapair
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "hapair.serviceAccount" -}}
{{- default (printf "%s-manager" (include "hapair.fullname" .)) .Values.serviceAccount.name -}}
{{- end -}}

{{/* Reference of an image: takes (list root image). */}}
{{- define "hapair.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $repository := $image.repository -}}
{{- with ($root.Values.global).imageRegistry -}}
{{- /* The first part of a name is a registry if it has a dot or a colon, or is localhost. */ -}}
{{- $parts := splitList "/" $repository -}}
{{- if and (gt (len $parts) 1) (regexMatch "[.:]|^localhost$" (first $parts)) -}}
{{- $parts = rest $parts -}}
{{- end -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) (join "/" $parts) -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default $root.Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}
