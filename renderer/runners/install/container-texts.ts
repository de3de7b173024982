import type { Runner } from '../../../protocol/api/runners.ts';
import type { RunnerConfig } from '../../../protocol/enrolment.ts';
import { packageFolder } from '../../../protocol/package-name.ts';

export interface ContainerFacts {
  readonly config: RunnerConfig;
  readonly replicas: Runner['replicaMode'];
  /** Version of the agent, for the name of the image. */
  readonly version: string;
}

/** The account in the image; nothing on the host needs to have it. */
const ACCOUNT = 10_001;
const STATE = '/var/lib/outrunner';
const CONFIG = '/etc/outrunner';

/** The image: the executable of the Linux package beside it, and what it needs. It holds no token. */
export function dockerfile(): string {
  return `# Beside this file: outrunner-agent, from the unpacked Linux package.
FROM debian:12-slim
RUN apt-get update \\
 && apt-get install --yes --no-install-recommends ca-certificates libstdc++6 tini \\
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid ${ACCOUNT} --create-home --home-dir ${STATE} outrunner
COPY --chmod=0755 outrunner-agent /usr/local/bin/outrunner-agent
# A new version is a new image.
ENV OUTRUNNER_UPGRADES=off
USER ${ACCOUNT}
WORKDIR ${STATE}
VOLUME ${STATE}
# tini ends what steps leave behind, and hands signals on.
ENTRYPOINT ["tini", "--", "outrunner-agent", "run", "--config", "${CONFIG}/runner.json", "--state", "${STATE}"]
`;
}

/** A service of Docker Compose that builds the image and keeps the identity of the Runner in a volume. */
export function composeFile({ config }: ContainerFacts): string {
  const name = packageFolder(config.runner.name);
  return `# Once: sudo chown ${ACCOUNT} runner.json
services:
  ${quoted(name)}:
    build: "."
    restart: "unless-stopped"
    volumes:
      - "./runner.json:${CONFIG}/runner.json:ro"
      - "state:${STATE}"
    cap_drop: ["ALL"]
    security_opt: ["no-new-privileges:true"]
    # Longer than steps get to end by themselves.
    stop_grace_period: "90s"
volumes:
  state: {}
`;
}

/** Secret, volume and Deployment. The identity that the first start makes is in the volume: the token works once. */
export function kubernetesManifest({ config, replicas, version }: ContainerFacts): string {
  const name = quoted(packageFolder(config.runner.name));
  const labels = `{ "app.kubernetes.io/name": "outrunner-agent", "app.kubernetes.io/instance": ${name} }`;
  const several =
    replicas === 'single'
      ? ''
      : '# Each replica needs a token and a volume of its own: repeat all of it under another name.\n';
  return `${several}apiVersion: v1
kind: Secret
metadata:
  name: ${name}
type: Opaque
stringData:
  runner.json: |
${indented(ascii(JSON.stringify(config, null, 2)), 4)}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: ${name}
spec:
  accessModes: ["ReadWriteOnce"]
  resources:
    requests:
      storage: "1Gi"
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: ${labels}
spec:
  replicas: 1
  # Never two processes with one identity.
  strategy:
    type: Recreate
  selector:
    matchLabels: ${labels}
  template:
    metadata:
      labels: ${labels}
    spec:
      terminationGracePeriodSeconds: 90
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: ${ACCOUNT}
        fsGroup: ${ACCOUNT}
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: agent
          # Built from the Dockerfile and pushed where your cluster finds it.
          image: ${quoted(`registry.example/outrunner-agent:${version.replaceAll(/[^A-Za-z0-9_.-]/g, '-')}`)}
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop: ["ALL"]
          resources:
            requests:
              cpu: "50m"
              memory: "128Mi"
          volumeMounts:
            - name: config
              mountPath: ${CONFIG}
              readOnly: true
            - name: state
              mountPath: ${STATE}
      volumes:
        - name: config
          secret:
            secretName: ${name}
            defaultMode: 0440
        - name: state
          persistentVolumeClaim:
            claimName: ${name}
`;
}

/** A string of YAML 1.2, which takes those of JSON as they are. */
function quoted(text: string): string {
  return ascii(JSON.stringify(text));
}

/** What is outside of ASCII as JSON writes it: YAML does not take all characters in a block. */
function ascii(json: string): string {
  return json.replaceAll(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function indented(text: string, spaces: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(spaces));
}
