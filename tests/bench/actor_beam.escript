#!/usr/bin/env escript
%% SPDX-License-Identifier: Apache-2.0
%% The exercises of actor_peer.c on BEAM: actor_beam.escript CORES CASE N
%% prints `wall_ns cpu_ns bytes`.  Compiled, not interpreted.
-mode(compile).

main([Cores, Case, N]) ->
    erlang:system_flag(schedulers_online, list_to_integer(Cores)),
    run(Case, list_to_integer(Cores), list_to_integer(N)).

run("ping", Cores, N) ->
    Each = N div 2 div Cores,
    Me = self(),
    Pairs = [{spawn(fun() -> player(Me, Each, 0) end),
              spawn(fun() -> echo() end)} || _ <- lists:seq(1, Cores)],
    Start = start(),
    [A ! {play, B} || {A, B} <- Pairs],
    [receive done -> ok end || _ <- Pairs],
    print(Start, 0);
run("spawn", Cores, N) ->
    erlang:garbage_collect(),
    Before = erlang:memory(processes),
    Start = start(),
    Spawners = spawners(Cores, N),
    print(Start, (erlang:memory(processes) - Before) div N),
    Spawners;
run("fan", Cores, N) ->
    Spawners = spawners(Cores, N),
    Rounds = [fan(Spawners, N) || _ <- lists:seq(1, 3)],
    io:format("~b ~b 0~n", tuple_to_list(lists:last(Rounds))).

start() ->
    {Cpu, _} = erlang:statistics(runtime),
    {erlang:monotonic_time(nanosecond), Cpu}.

taken({Wall, Cpu}) ->
    {Cpu1, _} = erlang:statistics(runtime),
    {erlang:monotonic_time(nanosecond) - Wall, (Cpu1 - Cpu) * 1000000}.

print(Start, Bytes) ->
    {Wall, Cpu} = taken(Start),
    io:format("~b ~b ~b~n", [Wall, Cpu, Bytes]).

player(Main, Count, Seen) ->
    receive
        {play, With} -> With ! {self(), 0}, player(Main, Count, Seen);
        {_, Seen} when Seen + 1 =:= Count -> Main ! done;
        {From, Seen} -> From ! {self(), Seen + 1}, player(Main, Count, Seen + 1)
    end.

echo() ->
    receive {From, Round} -> From ! {self(), Round}, echo() end.

%% One spawner a core, each with its share of the listeners.
spawners(Cores, N) ->
    Me = self(),
    Counter = atomics:new(1, []),
    List = [spawn(fun() -> spawner(Me, Counter, N, N div Cores) end)
            || _ <- lists:seq(1, Cores)],
    [receive spawned -> ok end || _ <- List],
    {Counter, List}.

spawner(Main, Counter, N, Share) ->
    Listeners = [spawn(fun() -> listener(Main, Counter, N, 0) end)
                 || _ <- lists:seq(1, Share)],
    Main ! spawned,
    publisher(Listeners).

publisher(Listeners) ->
    receive
        {fan, Round} ->
            [L ! {event, Round} || L <- Listeners],
            publisher(Listeners)
    end.

%% The round must be the one expected: nothing lost, doubled, out of order.
listener(Main, Counter, N, Round) ->
    receive
        {event, Round} ->
            case atomics:add_get(Counter, 1, 1) of
                Sum when Sum rem N =:= 0 -> Main ! done;
                _ -> ok
            end,
            listener(Main, Counter, N, Round + 1)
    end.

fan({Counter, Publishers}, N) ->
    Round = atomics:get(Counter, 1) div N,
    Start = start(),
    [P ! {fan, Round} || P <- Publishers],
    receive done -> ok end,
    taken(Start).
