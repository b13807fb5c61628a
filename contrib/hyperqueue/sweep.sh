#!/usr/bin/env bash
# Runs a plan of sotto-sim as an array of tasks under HyperQueue and waits for it, then puts the rows together.
#
#   contrib/hyperqueue/sweep.sh PLAN DIR [sotto-sim's options for run, such as --set duration_s=60]
#
# DIR has to be on a file system that all workers see. A server and workers have to run (`hq server start`,
# `hq worker start`). Started again after a failure, it goes on where it was: tasks that are done end at once.
set -euo pipefail

plan=${1:?usage: sweep.sh PLAN DIR [options]}
dir=${2:?usage: sweep.sh PLAN DIR [options]}
shift 2
sim=${SOTTO_SIM:-sotto-sim}
# Tasks of one job: short tasks together, so that starting them costs little.
per_job=${SOTTO_SIM_TASKS_PER_JOB:-10}

plan=$(realpath "$plan")
mkdir -p "$dir"
dir=$(realpath "$dir")
tasks=$("$sim" plan "$plan" "$@" --json | sed -E 's/.*"tasks":([0-9]+).*/\1/')
last_job=$(((tasks - 1) / per_job))

# shellcheck disable=SC2016
hq submit --name sotto-sim --array "0-$last_job" --cpus 1 --wait \
    --env "plan=$plan" --env "dir=$dir" --env "sim=$sim" --env "per_job=$per_job" --env "tasks=$tasks" \
    -- bash -c '
        first=$((HQ_TASK_ID * per_job))
        last=$((first + per_job - 1))
        [ "$last" -lt "$tasks" ] || last=$((tasks - 1))
        exec "$sim" run "$plan" --out "$dir" --tasks "$first-$last" --threads 1 "$@"
    ' sotto-sim "$@"

exec "$sim" merge "$dir"
