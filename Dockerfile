# Mainstay on a small server: docs/install.md says how it is run, updated and reached.
# Nothing secret is in any layer: the company lies in /data, its key in /keys, and both are yours to mount.

FROM python:3.11-slim AS made
RUN python -m venv /opt/mainstay
COPY requirements/run.txt /tmp/run.txt
RUN /opt/mainstay/bin/python -m pip --disable-pip-version-check install --no-cache-dir --require-hashes --only-binary :all: \
        --requirement /tmp/run.txt
COPY src/mainstay /opt/mainstay/lib/python3.11/site-packages/mainstay
RUN printf '#!/opt/mainstay/bin/python\nimport sys\nfrom mainstay.cli import main\nsys.exit(main())\n' > /opt/mainstay/bin/mainstay \
    && chmod 755 /opt/mainstay/bin/mainstay \
    && /opt/mainstay/bin/python -m compileall -q /opt/mainstay/lib/python3.11/site-packages/mainstay \
    && /opt/mainstay/bin/mainstay --version

FROM python:3.11-slim
RUN groupadd --gid 10001 mainstay \
    && useradd --uid 10001 --gid mainstay --create-home --shell /usr/sbin/nologin mainstay \
    && install -d -o mainstay -g mainstay -m 0700 /data /keys
COPY --from=made /opt/mainstay /opt/mainstay
ENV PATH=/opt/mainstay/bin:$PATH \
    MAINSTAY_WORKSPACE=/data/company \
    XDG_CONFIG_HOME=/keys \
    PYTHONDONTWRITEBYTECODE=1
USER mainstay
WORKDIR /data
VOLUME ["/data", "/keys"]
EXPOSE 8765
STOPSIGNAL SIGTERM
# Whether a process works on the company and takes requests.
HEALTHCHECK --interval=30s --timeout=10s --start-period=2m --retries=3 \
    CMD ["python", "-c", "import os, pathlib, sys; from mainstay.owners import owner_of; from mainstay.workspace import Workspace; sys.exit(owner_of(Workspace(pathlib.Path(os.environ['MAINSTAY_WORKSPACE']))) is None)"]
ENTRYPOINT ["mainstay"]
CMD ["start", "--no-link"]
