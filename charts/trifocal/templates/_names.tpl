{{- /* Prefix of every object's name. */ -}}
{{- define "trifocal.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "trifocal.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (printf "%s-operator" (include "trifocal.name" .)) -}}
{{- end -}}

{{- define "trifocal.operatorImage" -}}
{{- .Values.image | default (printf "ghcr.io/trifocal/operator:%s" .Chart.AppVersion) -}}
{{- end -}}

{{- define "trifocal.optimizerImage" -}}
{{- .Values.optimizer.image | default (printf "ghcr.io/trifocal/optimizer:%s" .Chart.AppVersion) -}}
{{- end -}}

{{- /* Labels that never change, since a Deployment's selector cannot. */ -}}
{{- define "trifocal.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "trifocal.labels" -}}
{{ include "trifocal.selector" . }}
app.kubernetes.io/part-of: trifocal
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- /* Of the pod of `helm test`: no operator, so that no Service or Deployment selects it. */ -}}
{{- define "trifocal.testLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end -}}

{{- /* The Secret that opens Prometheus, or nothing. */ -}}
{{- define "trifocal.prometheusSecret" -}}
{{- with .Values.prometheus -}}
{{- if and .url (has .auth (list "basic" "bearer")) -}}
{{- required (printf "prometheus.auth is %s, so prometheus.secret must name a Secret." .auth) .secret -}}
{{- end -}}
{{- end -}}
{{- end -}}
