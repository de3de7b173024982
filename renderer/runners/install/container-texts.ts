import type { Runner } from '../../../protocol/api/runners.ts';
import { type RunnerConfig, STOP_SECONDS } from '../../../protocol/enrolment.ts';
import { packageFolder, runnerSlug } from '../../../protocol/package-name.ts';

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
    stop_grace_period: "${STOP_SECONDS}s"
volumes:
  state: {}
`;
}

/**
 * Secret, volume and Deployment. The identity that the first start makes is in the volume: the token works once. It can be
 * applied as it is, but for the name of the image.
 */
export function kubernetesManifest({ config, replicas, version }: ContainerFacts): string {
  const name = quoted(objectName(config.runner));
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
      # Longer than steps get to end by themselves.
      terminationGracePeriodSeconds: ${STOP_SECONDS}
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: ${ACCOUNT}
        runAsGroup: ${ACCOUNT}
        fsGroup: ${ACCOUNT}
        # Else each start would open the file of the private key to the group, and the Runner would be Unhealthy.
        fsGroupChangePolicy: OnRootMismatch
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: agent
          # Built from the Dockerfile and pushed where your cluster finds it.
          image: ${quoted(`registry.example/outrunner-agent:${version.replaceAll(/[^A-Za-z0-9_.-]/g, '-')}`)}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
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
            # Beside the state, these are where steps may write.
            - name: tmp
              mountPath: /tmp
            - name: var-tmp
              mountPath: /var/tmp
      volumes:
        - name: config
          secret:
            secretName: ${name}
            # 0440, as every reader of YAML takes it.
            defaultMode: ${0o440}
        - name: state
          persistentVolumeClaim:
            claimName: ${name}
        - name: tmp
          emptyDir: {}
        - name: var-tmp
          emptyDir: {}
`;
}

/**
 * The name of the objects in the cluster: at most 63 letters, digits and hyphens. Two Runners never have the same, even where
 * their names differ only in what cannot be part of it: applied, the second would take the place of the first.
 */
function objectName({ id, name }: RunnerConfig['runner']): string {
  const isWhole = runnerSlug(name) === name;
  return isWhole ? packageFolder(name) : `${packageFolder(name)}-${id.slice(0, 8)}`;
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
